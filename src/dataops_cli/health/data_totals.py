"""Whether gold has what the source has, day by day: orders, lines, units and revenue.

It is the rule of the dbt test gld_sales_summary_revenue_equals_the_source, for what is published now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.health.data_findings import UNPUBLISHED, counted, nothing_known, with_problems
from dataops_cli.health.data_published import published
from dataops_cli.health.data_reading import Reading, open_reading

SUMMARY = "gld_sales_summary"
MEASURES = ("total_orders", "total_line_items", "total_quantity", "net_revenue")
# Gold rounds each day's revenue to four digits.
TOLERANCE = Decimal("0.0001")
REMEDY = (
    "Where the source was changed since the last run: dataops run. Else gold was changed after it was tested, "
    "which a run puts right, too"
)
GROWN = "The source has had more of its latest day since the last run: dataops run"


@dataclass(frozen=True)
class Day:
    orders: int
    lines: int
    units: int
    revenue: Decimal

    def is_that_of(self, other: Day) -> bool:
        counts = (self.orders, self.lines, self.units) == (other.orders, other.lines, other.units)
        return counts and abs(self.revenue - other.revenue) <= TOLERANCE


NOTHING = Day(0, 0, 0, Decimal(0))


def look(subject: Subject) -> Finding:
    found = published(subject)
    if found is None:
        return UNPUBLISHED
    if not found.relations:
        return nothing_known(found.generation)
    summary = next((item for item in found.relations if item.model == SUMMARY), None)
    if summary is None:
        return Finding(Result.SKIPPED, f"the project has no model {SUMMARY}")
    with open_reading(subject) as reading:
        table = reading.name(summary.schema, summary.name)
        columns = ", ".join(MEASURES)
        gold = _days(reading, f"SELECT order_date, {columns} FROM {table}")  # noqa: S608
    with open_reading(subject, all_of_it=True) as reading:
        source = _days(reading, _source(reading))
    as_of = found.generation.as_of_date
    return judge(source, gold, date.fromisoformat(as_of) if as_of else max(gold, default=date.max))


def _source(reading: Reading) -> str:
    """The lines that bronze keeps (dbt/macros/valid_order_lines.sql), by day."""
    orders, lines = (reading.source("Sales", name) for name in ("SalesOrderHeader", "SalesOrderDetail"))
    return (
        "SELECT CAST(o.OrderDate AS date), COUNT(DISTINCT o.SalesOrderID), COUNT(*), "  # noqa: S608
        "SUM(CAST(l.OrderQty AS int)), SUM(l.LineTotal) "
        f"FROM {lines} AS l INNER JOIN {orders} AS o ON l.SalesOrderID = o.SalesOrderID "
        "WHERE o.OrderDate IS NOT NULL AND o.CustomerID IS NOT NULL AND l.ProductID IS NOT NULL "
        "AND l.OrderQty >= 1 AND NOT l.UnitPrice < 0 GROUP BY CAST(o.OrderDate AS date)"
    )


def _days(reading: Reading, sql: str) -> dict[date, Day]:
    return {
        _date(day): Day(int(orders), int(lines), int(units), Decimal(revenue))
        for day, orders, lines, units, revenue in reading.rows(sql)
        if day is not None and None not in (orders, lines, units, revenue)
    }


def _date(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def judge(source: Mapping[date, Day], gold: Mapping[date, Day], as_of: date) -> Finding:
    """Days after `as_of` are not in gold yet. More of that day itself, the latest one, comes in a live source."""
    days = sorted({day for day in (*source, *gold) if day <= as_of})
    different = [day for day in days if not gold.get(day, NOTHING).is_that_of(source.get(day, NOTHING))]
    problems = [_told(day, source.get(day, NOTHING), gold.get(day, NOTHING)) for day in different]
    total = sum((gold[day].revenue for day in days if day in gold), Decimal(0))
    good = f"revenue {total:,.2f} of {counted(len(days), 'day')} in both"
    if different == [as_of] and _has_grown(source.get(as_of, NOTHING), gold.get(as_of, NOTHING)):
        return with_problems(problems, good, GROWN, result=Result.WARN)
    return with_problems(problems, good, REMEDY)


def _has_grown(source: Day, gold: Day) -> bool:
    return source.orders > gold.orders and source.lines > gold.lines and source.revenue > gold.revenue


def _told(day: date, source: Day, gold: Day) -> str:
    there, here = (
        f"{counted(of.orders, 'order')}, {counted(of.lines, 'line')}, {counted(of.units, 'unit')}, {of.revenue:,.4f}"
        for of in (source, gold)
    )
    return f"{day}: {there} in the source; {here} in gold"
