"""The charts of revenue over time, as Vega-Lite."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from statistics import median
from typing import Any

from dataops_cli.report.drawing import HALF_WIDTH, NARROW, Chart, Spec
from dataops_cli.report.figures import YEAR, Day, Month, a_year_before

# From this ratio of the largest day to the middle one on, a linear axis would show the largest alone.
SKEWED = 20
# So many days are not yet a line.
FEW = 14
# `1.5 M` where Vega says `1.5M`, and `bn` for its `G`.
SIZED = "replace(replace(format(datum.value, '~s'), 'G', ' bn'), /([kM])$/, ' $1')"
MONTHS = (
    "[utcFormat(datum.value, '%b'), utcFormat(datum.value, '%m') == '01' ? utcFormat(datum.value, '%Y') : '']"
)
MONTH_NAMES = "utcFormat(datum.value, '%b')"


def is_skewed(days: Sequence[Day]) -> bool:
    """Whether the days' revenue wants a logarithmic axis."""
    revenue = [day.revenue for day in days if day.revenue > 0]
    return bool(revenue) and max(revenue) > SKEWED * median(revenue)


def recent_days(days: Sequence[Day]) -> list[Day]:
    """Those of the last 365 days there are."""
    return [day for day in days if day.on > days[-1].on - YEAR]


def daily(days: Sequence[Day]) -> Chart:
    """Each day, the 7-day average, and the average a year before."""
    recent = recent_days(days)
    averages = {day.on: day.average for day in days}
    log = is_skewed(recent)

    def number(value: Decimal | None) -> float | None:
        return None if value is None or (log and value <= 0) else float(value)

    values: list[Spec] = [
        {
            "on": day.on.isoformat(),
            "day": number(day.revenue),
            "average": number(day.average),
            "prior": number(averages.get(a_year_before(day.on))),
        }
        for day in recent
    ]
    scale, axis = _scale([value[key] for value in values for key in ("day", "average", "prior")], log=log)

    def spec(width: int) -> Spec:
        months = {"interval": "month", "step": 2 if width == NARROW else 1}
        x = _time(
            "on", {"labelExpr": MONTHS, "tickCount": months} if len(recent) > 62 else {"format": "%-d %b"}
        )

        def layer(field: str, mark: Spec) -> Spec:
            y = {"field": field, "type": "quantitative", "scale": scale, "axis": axis}
            return {"mark": mark, "encoding": {"x": x, "y": y}}

        return {
            "data": {"values": values},
            "layer": [
                layer(
                    "day",
                    {
                        "type": "circle",
                        "size": 14 if width == NARROW else 20,
                        "color": "var(--dots)",
                        "opacity": 1,
                    },
                ),
                layer("prior", {"type": "line", "color": "var(--prior)", "strokeWidth": 1.5}),
                layer("average", {"type": "line", "strokeWidth": 2.25} | _dots(recent)),
            ],
        }

    return Chart(spec, lambda width: 240 if width == NARROW else 320)


def monthly(months: Sequence[Month]) -> Chart:
    """The months' revenue before that of the same month a year before."""
    values: list[Spec] = [
        {
            "month": month.first.isoformat(),
            "revenue": float(month.revenue),
            "prior": None if month.prior is None else float(month.prior),
        }
        for month in months
    ]

    def spec(width: int) -> Spec:
        x = _months(months, every=2 if width == NARROW and len(months) > 8 else 1)
        y: Spec = {"type": "quantitative", "axis": {"title": None, "labelExpr": SIZED, "tickCount": 4}}
        return {
            "data": {"values": values},
            "layer": [
                {
                    "mark": {"type": "bar", "color": "var(--prior-bar)", "width": {"band": 0.86}},
                    "encoding": {"x": x, "y": y | {"field": "prior"}},
                },
                {
                    "mark": {"type": "bar", "width": {"band": 0.5}},
                    "encoding": {"x": x, "y": y | {"field": "revenue"}},
                },
            ],
        }

    return Chart(spec, _low, HALF_WIDTH)


def year_to_date(days: Sequence[Day], years: int = 4) -> Chart:
    """Revenue since the first of January, a line a year, on one calendar."""
    last = days[-1].on.year
    shown = [day for day in days if day.on.year > last - years]
    ranks = {last: "now", last - 1: "prior"}
    values: list[Spec] = [
        {
            "year": str(day.on.year),
            # 2000 has a 29 February.
            "on": day.on.replace(year=2000).isoformat(),
            "to_date": float(day.to_date),
            "rank": ranks.get(day.on.year, "earlier"),
        }
        for day in shown
    ]
    ends = list({value["year"]: value for value in values}.values())
    color: Spec = {
        "field": "rank",
        "type": "nominal",
        "scale": {
            "domain": ["now", "prior", "earlier"],
            "range": ["var(--accent)", "var(--prior)", "var(--earlier)"],
        },
        "legend": None,
    }
    label = color | {"scale": color["scale"] | {"range": ["var(--accent)", "var(--muted)", "var(--muted)"]}}

    def spec(width: int) -> Spec:
        whole = {"domain": ["2000-01-01", "2001-01-12"], "type": "utc"}
        x = _time(
            "on",
            {
                "labelExpr": MONTH_NAMES,
                "tickCount": {"interval": "month", "step": 3 if width == NARROW else 2},
            },
        )
        x["scale"] = whole
        y = {
            "field": "to_date",
            "type": "quantitative",
            "axis": {"title": None, "labelExpr": SIZED, "tickCount": 4},
        }
        return {
            "data": {"values": values},
            "layer": [
                {
                    "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2} | _dots(shown),
                    "encoding": {"x": x, "y": y, "color": color, "detail": {"field": "year"}},
                },
                {
                    "data": {"values": ends},
                    "mark": {
                        "type": "text",
                        "align": "right",
                        "baseline": "bottom",
                        "dx": 2,
                        "dy": -5,
                        "fontWeight": 600,
                    },
                    "encoding": {"x": x, "y": y, "color": label, "text": {"field": "year"}},
                },
            ],
            "resolve": {"scale": {"color": "independent"}},
        }

    return Chart(spec, _low, HALF_WIDTH)


def channels(months: Sequence[Month]) -> Chart:
    """Online and reseller revenue by month, one upon the other."""
    values: list[Spec] = [
        {"month": month.first.isoformat(), "channel": channel, "order": order, "revenue": float(revenue)}
        for month in months
        for order, channel, revenue in ((0, "Online", month.online), (1, "Reseller", month.reseller))
    ]

    def spec(width: int) -> Spec:
        return {
            "data": {"values": values},
            "mark": {"type": "bar", "width": {"band": 0.78}},
            "encoding": {
                "x": _months(
                    months, half_years=(months[-1].first - months[0].first).days > 366 or width == NARROW
                ),
                "y": {
                    "field": "revenue",
                    "type": "quantitative",
                    "stack": True,
                    "axis": {"title": None, "labelExpr": SIZED, "tickCount": 4},
                },
                "color": {
                    "field": "channel",
                    "type": "nominal",
                    "legend": None,
                    "scale": {"domain": ["Online", "Reseller"], "range": ["var(--accent)", "var(--second)"]},
                },
                "order": {"field": "order", "type": "ordinal"},
            },
        }

    return Chart(spec, lambda width: 220 if width == NARROW else 280)


def _scale(values: Sequence[Any], *, log: bool) -> tuple[Spec, Spec]:
    """Scale and axis of amounts of money."""
    axis: Spec = {"title": None, "labelExpr": SIZED}
    if not log:
        return {"zero": True}, axis | {"tickCount": 5}
    found = [value for value in values if value is not None]
    low, high = min(found) * 0.8, max(found) * 1.25
    return {"type": "log", "domain": [low, high]}, axis | {
        "values": [10**power for power in range(16) if low <= 10**power <= high]
    }


def _time(field: str, axis: Spec) -> Spec:
    return {
        "field": field,
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": {"title": None, "labelBound": True, **axis},
    }


def _months(months: Sequence[Month], *, every: int = 1, half_years: bool = False) -> Spec:
    """A band for each month. Every so many of them have a label, or January and July, with the year."""
    if half_years:
        labelled = [month for month in months if month.first.month in (1, 7)] or list(months[:1])
    else:
        labelled = list(months[::-1][::every])
    first = "utc(+slice(datum.value, 0, 4), +slice(datum.value, 5, 7) - 1)"  # ordinal values stay text
    name = f"utcFormat({first}, '%b')"
    return {
        "field": "month",
        "type": "ordinal",
        "axis": {
            "title": None,
            "values": [month.first.isoformat() for month in labelled],
            "labelExpr": f"[{name}, slice(datum.value, 0, 4)]" if half_years else name,
            "labelAngle": 0,
            "labelOverlap": False,
            "ticks": False,
        },
        "scale": {"domain": [month.first.isoformat() for month in months], "padding": 0.1},
    }


def _dots(days: Sequence[Day]) -> Spec:
    """One day alone makes no line, so that a few are shown as points, too."""
    return {"point": True} if len(days) <= FEW else {}


def _low(width: int) -> int:
    return 220 if width == NARROW else 280
