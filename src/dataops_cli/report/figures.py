"""The figures of the report, computed from the rows of gold. Money is exact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

YEAR, MONTH = timedelta(days=365), timedelta(days=31)
ZERO = Decimal(0)


@dataclass(frozen=True)
class Day:
    """One day that had orders. `prior_year` is the revenue of the same date a year before, None without any."""

    on: date
    orders: int
    revenue: Decimal
    profit: Decimal
    online: Decimal
    reseller: Decimal
    new_customers: int
    average: Decimal
    to_date: Decimal
    prior_year: Decimal | None


@dataclass(frozen=True)
class Period:
    """The sums of some days."""

    revenue: Decimal
    profit: Decimal
    online: Decimal
    orders: int
    new_customers: int

    @property
    def margin(self) -> Decimal | None:
        return share(self.profit, self.revenue)

    @property
    def order_value(self) -> Decimal | None:
        return self.revenue / self.orders if self.orders else None

    @property
    def online_share(self) -> Decimal | None:
        return share(self.online, self.revenue)


@dataclass(frozen=True)
class Month:
    """A calendar month, up to the last day there is. `prior` is the revenue of the same days a year before."""

    first: date
    revenue: Decimal
    online: Decimal
    reseller: Decimal
    prior: Decimal | None


@dataclass(frozen=True)
class Group:
    """Customers or products of one kind."""

    code: str
    count: int
    revenue: Decimal


@dataclass(frozen=True)
class Figures:
    """`year` and `last_year` are of the calendar year up to `last`, and of the same dates a year before; `recent` and
    `before` are the 365 days up to `last`, and the 365 before those."""

    last: date
    days: Sequence[Day]
    year: Period
    last_year: Period | None
    recent: Period
    before: Period | None


def days_of(rows: Iterable[Mapping[str, Any]]) -> list[Day]:
    return [
        Day(
            date.fromisoformat(row["order_date"]),
            row["total_orders"],
            Decimal(row["net_revenue"]),
            Decimal(row["gross_profit"]),
            Decimal(row["online_revenue"]),
            Decimal(row["reseller_revenue"]),
            row["new_customers"],
            Decimal(row["revenue_7d_avg"]),
            Decimal(row["revenue_ytd"]),
            None if row["revenue_prior_year"] is None else Decimal(row["revenue_prior_year"]),
        )
        for row in rows
    ]


def figures_of(days: Sequence[Day]) -> Figures | None:
    """None without a day. A period that the days do not cover from its first month on is none."""
    if not days:
        return None
    first, last = days[0].on, days[-1].on

    def period(begin: date, end: date) -> Period | None:
        found = [day for day in days if begin <= day.on <= end]
        # The first days of a period may be ones without orders.
        return _sums(found) if found and first <= begin + MONTH else None

    january, year_ago = last.replace(month=1, day=1), a_year_before(last)
    return Figures(
        last,
        days,
        _sums([day for day in days if day.on >= january]),
        period(a_year_before(january), year_ago),
        _sums([day for day in days if day.on > last - YEAR]),
        period(last - 2 * YEAR + timedelta(days=1), last - YEAR),
    )


def months_of(days: Sequence[Day], count: int) -> list[Month]:
    """Those of the last `count` calendar months that had orders, the earliest first. A month that is not over is
    compared with as many days."""
    if not days:
        return []
    last, first = days[-1].on, days[0].on
    by_month: dict[date, list[Day]] = defaultdict(list)
    for day in days:
        by_month[day.on.replace(day=1)].append(day)
    months = []
    for begin, found in sorted(by_month.items()):
        if 12 * (last.year - begin.year) + last.month - begin.month >= count:
            continue
        ago = a_year_before(begin)
        until = a_year_before(last) if begin == last.replace(day=1) else date.max
        prior = [day.revenue for day in by_month.get(ago, []) if day.on <= until]
        sums = _sums(found)
        whole = prior and first <= ago
        months.append(
            Month(
                begin,
                sums.revenue,
                sums.online,
                sums.revenue - sums.online,
                sum(prior, ZERO) if whole else None,
            )
        )
    return months


def groups_of(rows: Iterable[Mapping[str, Any]], key: str, count: str) -> list[Group]:
    """The rows added up by a column of codes; the most revenue first."""
    counts: dict[str, int] = defaultdict(int)
    revenue: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        counts[row[key]] += row[count]
        revenue[row[key]] += Decimal(row["revenue"])
    groups = [Group(code, counts[code], revenue[code]) for code in counts]
    return sorted(groups, key=lambda group: (-group.revenue, group.code))


def share(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """In percent; None of nothing."""
    return 100 * Decimal(part) / whole if whole else None


def growth(now: Decimal | int | None, before: Decimal | int | None) -> Decimal | None:
    """In percent of what was before; None where there was nothing."""
    return share(now - before, before) if now is not None and before else None


def a_year_before(on: date) -> date:
    """The same date; 28 February for the 29th."""
    try:
        return on.replace(year=on.year - 1)
    except ValueError:
        return on.replace(year=on.year - 1, day=28)


def _sums(days: Sequence[Day]) -> Period:
    return Period(
        sum((day.revenue for day in days), ZERO),
        sum((day.profit for day in days), ZERO),
        sum((day.online for day in days), ZERO),
        sum(day.orders for day in days),
        sum(day.new_customers for day in days),
    )
