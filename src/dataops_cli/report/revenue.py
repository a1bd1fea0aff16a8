"""The report's headline, key figures, and its sections on revenue and channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from dataops_cli.report import time_charts
from dataops_cli.report.drawing import drawn
from dataops_cli.report.figures import Figures, growth, months_of, share
from dataops_cli.report.formats import MINUS, amount, change, compact, day, percent, short_day
from dataops_cli.report.parts import Figure, Key, Number, Section, Table

# Days in the table of the daily chart, and months in the charts of months.
LISTED, MONTHS, CHANNEL_MONTHS = 31, 12, 36


def headline(figures: Figures) -> str:
    """`2014 to 30 June: 20.06 M of revenue, 3.4 % more than in the same days of 2013`."""
    text = f"{compact(figures.year.revenue)} of revenue in {figures.last.year} up to {figures.last.day} {figures.last:%B}"
    grown = growth(figures.year.revenue, figures.last_year.revenue if figures.last_year else None)
    if grown is None:
        return text
    than = f"the same days of {figures.last.year - 1}"
    if round(grown, 1) == 0:
        return f"{text}, as much as in {than}"
    return f"{text}, {percent(abs(grown))} {'more' if grown > 0 else 'less'} than in {than}"


def key_figures(figures: Figures, active: int, customers: int) -> list[Number]:
    now, before = figures.recent, figures.before
    year, last_year = figures.year, figures.last_year
    against = "year on year"

    def number(label: str, value: str, grown: Decimal | None) -> Number:
        return (
            Number(label, value)
            if grown is None
            else Number(label, value, change(grown), against, _good(grown))
        )

    def points(label: str, after: Decimal | None, ago: Decimal | None, *, judged: bool = True) -> Number:
        if after is None or ago is None:
            return Number(label, percent(after))
        moved = after - ago
        text = f"{'+' if moved > 0 else ''}{moved:.1f} points".replace("-", MINUS)
        return Number(label, percent(after), text, against, _good(moved) if judged else None)

    return [
        number(
            f"Revenue, {figures.last.year} to date",
            compact(year.revenue),
            growth(year.revenue, last_year.revenue if last_year else None),
        ),
        number(
            "Revenue, 12 months",
            compact(now.revenue),
            growth(now.revenue, before.revenue if before else None),
        ),
        number(
            "Orders, 12 months", amount(now.orders), growth(now.orders, before.orders if before else None)
        ),
        points("Gross margin, 12 months", now.margin, before.margin if before else None),
        number(
            "Average order, 12 months",
            amount(now.order_value),
            growth(now.order_value, before.order_value if before else None),
        ),
        Number(
            "Active customers",
            amount(active),
            f"{percent(share(active, customers), 0)} of all",
            "who ever bought",
        ),
    ]


def revenue_section(figures: Figures) -> Section:
    return Section("revenue", "Revenue", [_daily(figures), _monthly(figures), _to_date(figures)])


def channel_section(figures: Figures) -> Section:
    months = months_of(figures.days, CHANNEL_MONTHS)
    now, before = figures.recent.online_share, figures.before.online_share if figures.before else None
    says = f"Online makes {percent(now)} of the revenue of the last 12 months"
    says += f", after {percent(before)} in the 12 before." if before is not None else "."
    rows = []
    for year in sorted({item.on.year for item in figures.days}, reverse=True):
        days = [item for item in figures.days if item.on.year == year]
        online = sum((item.online for item in days), Decimal(0))
        reseller = sum((item.reseller for item in days), Decimal(0))
        so_far = f" to {figures.last.day} {figures.last:%B}" if year == figures.last.year else ""
        rows.append(
            [f"{year}{so_far}", amount(online), amount(reseller), percent(share(online, online + reseller))]
        )
    return Section(
        "channels",
        "Channels",
        [
            Figure(
                "Revenue by channel and month",
                says,
                drawn(time_charts.channels(months), f"Bars of online and reseller revenue by month. {says}"),
                [Key("accent", "Online"), Key("second", "Reseller")],
                Table("Revenue by channel and year", ["Year", "Online", "Reseller", "Online share"], rows),
            )
        ],
    )


def _daily(figures: Figures) -> Figure:
    recent = time_charts.recent_days(figures.days)
    best = max(recent, key=lambda item: item.revenue)
    says = (
        f"The best of the last 12 months was {day(best.on)} with {compact(best.revenue)}; "
        f"the last seven days with orders brought {compact(recent[-1].average)} a day."
    )
    if time_charts.is_skewed(recent):
        says += " The scale is logarithmic: each line is ten times the one below."
    rows = [
        [
            short_day(item.on),
            amount(item.revenue),
            amount(item.average),
            amount(item.prior_year),
            str(item.orders),
        ]
        for item in reversed(recent[-LISTED:])
    ]
    return Figure(
        "Daily revenue",
        says,
        drawn(
            time_charts.daily(figures.days),
            f"Revenue of each day of the last 12 months, its 7-day average and that of the year before. {says}",
        ),
        [
            Key("dots", "Day"),
            Key("accent line", "7-day average"),
            Key("prior line", "7-day average, a year before"),
        ],
        Table(
            f"The last {len(rows)} days with orders",
            ["Day", "Revenue", "7-day average", "Same date, prior year", "Orders"],
            rows,
            minor=frozenset({4}),
        ),
    )


def _monthly(figures: Figures) -> Figure:
    months = months_of(figures.days, MONTHS)
    compared = [month for month in months if month.prior]
    better = sum(month.revenue > (month.prior or 0) for month in compared)
    says = (
        f"{better} of {len(compared)} months were better than a year before."
        if compared
        else "There is no year before to compare with."
    )
    rows = [
        [f"{m.first:%B %Y}", amount(m.revenue), amount(m.prior), change(growth(m.revenue, m.prior))]
        for m in reversed(months)
    ]
    return Figure(
        "Months against the year before",
        says,
        drawn(time_charts.monthly(months), f"Bars of revenue by month, before those of a year ago. {says}"),
        [Key("accent", "Month"), Key("prior-bar", "A year before")],
        Table("Revenue by month", ["Month", "Revenue", "A year before", "Change"], rows),
        half=True,
    )


def _to_date(figures: Figures) -> Figure:
    rows: list[Sequence[str]] = []
    years: Mapping[int, Any] = {item.on.year: item for item in figures.days}
    for year, item in sorted(years.items(), reverse=True):
        upto = [
            d
            for d in figures.days
            if d.on.year == year and d.on.timetuple()[1:3] <= figures.last.timetuple()[1:3]
        ]
        at = upto[-1].to_date if upto else None
        rows.append([str(year), amount(at), amount(item.to_date), short_day(item.on)])
    prior = figures.last_year
    says = f"By {figures.last.day} {figures.last:%B}, {figures.last.year} stands at {compact(figures.year.revenue)}"
    says += f"; a year before it was {compact(prior.revenue)}." if prior else "."
    same = f"To {figures.last.day} {figures.last:%b}"
    return Figure(
        "Year to date",
        says,
        drawn(time_charts.year_to_date(figures.days), f"Revenue since January, a line for each year. {says}"),
        [
            Key("accent line", str(figures.last.year)),
            Key("prior line", "The year before"),
            Key("earlier line", "Earlier"),
        ],
        Table("Revenue since January", ["Year", same, "Whole", "Last day"], rows, minor=frozenset({3})),
        half=True,
    )


def _good(moved: Decimal | None) -> bool | None:
    return None if moved is None or round(moved, 1) == 0 else moved > 0
