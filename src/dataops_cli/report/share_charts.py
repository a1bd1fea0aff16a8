"""The charts of customers and products, as Vega-Lite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from dataops_cli.report.drawing import HALF_WIDTH, NARROW, Chart, Spec
from dataops_cli.report.figures import Group, share
from dataops_cli.report.formats import compact, percent, words


def shares(groups: Sequence[Group], of: str) -> Chart:
    """For each group its share of `of` (customers, products) above its share of the revenue."""
    count, revenue = (
        sum(group.count for group in groups),
        sum((group.revenue for group in groups), Decimal(0)),
    )
    values: list[Spec] = [
        {"group": words(group.code), "of": kind, "share": float(part or 0), "label": percent(part, 0)}
        for group in groups
        for kind, part in ((of, share(group.count, count)), ("revenue", share(group.revenue, revenue)))
    ]
    most = max((value["share"] for value in values), default=0)
    encoding: Spec = {
        "y": {
            "field": "group",
            "type": "nominal",
            "sort": None,
            "scale": {"paddingInner": 0.35},
            "axis": _names([value["group"] for value in values], 13),
        },
        "yOffset": {"field": "of", "sort": [of, "revenue"]},
        "x": {
            "field": "share",
            "type": "quantitative",
            "scale": {"domain": [0, (most or 1) * 1.25]},
            "axis": None,
        },
    }
    color: Spec = {
        "field": "of",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": [of, "revenue"], "range": ["var(--prior-bar)", "var(--accent)"]},
    }

    def spec(_width: int) -> Spec:
        return {
            "data": {"values": values},
            "layer": [
                {"mark": {"type": "bar"}, "encoding": encoding | {"color": color}},
                {
                    "mark": {"type": "text", "align": "left", "dx": 5, "color": "var(--muted)"},
                    "encoding": encoding | {"text": {"field": "label"}},
                },
            ],
        }

    return Chart(spec, lambda _width: 44 * max(1, len(groups)), HALF_WIDTH)


def pareto(products: Sequence[Mapping[str, Any]]) -> Chart:
    """The share of revenue that the best products make together, by class."""
    total = sum((Decimal(row["total_revenue"]) for row in products), Decimal(0))
    running, values = Decimal(0), []
    for place, row in enumerate(products, 1):
        running += Decimal(row["total_revenue"])
        values.append({"place": place, "share": float(share(running, total) or 0), "class": row["abc_class"]})
    # Each area begins where the one before ends.
    joined = [
        {**value, "class": after["class"]}
        for value, after in pairwise(values)
        if value["class"] != after["class"]
    ]
    y = {"field": "share", "type": "quantitative", "scale": {"domain": [0, 100]}}
    axis = {"title": None, "values": [0, 50, 80, 95], "labelExpr": "datum.value + ' %'"}

    def spec(_width: int) -> Spec:
        return {
            "data": {"values": sorted(values + joined, key=lambda value: (value["place"], value["class"]))},
            "mark": {"type": "area", "line": False, "opacity": 1}
            | ({} if len(values) > 1 else {"type": "bar"}),
            "encoding": {
                "x": {
                    "field": "place",
                    "type": "quantitative",
                    "axis": {"title": "Products, the most revenue first", "tickMinStep": 1, "format": "d"},
                    "scale": {"nice": False},
                },
                "y": y | {"axis": axis, "stack": None},
                "color": {
                    "field": "class",
                    "type": "nominal",
                    "legend": None,
                    "scale": {
                        "domain": ["a", "b", "c"],
                        "range": ["var(--accent)", "var(--second)", "var(--prior-bar)"],
                    },
                },
            },
        }

    return Chart(spec, lambda width: 260 if width == NARROW else 340, HALF_WIDTH)


def top_products(products: Sequence[Mapping[str, Any]]) -> Chart:
    """Revenue of the products given, of all time."""
    named = Counter(row["product_name"] for row in products)
    values: list[Spec] = [
        {
            "name": row["product_name"]
            + (f" ({row['product_id']})" if named[row["product_name"]] > 1 else ""),
            "revenue": float(row["total_revenue"]),
            "label": compact(Decimal(row["total_revenue"])),
        }
        for row in products
    ]
    most = max((value["revenue"] for value in values), default=0)

    def spec(width: int) -> Spec:
        encoding: Spec = {
            "y": {
                "field": "name",
                "type": "nominal",
                "sort": None,
                "scale": {"paddingInner": 0.3},
                "axis": _names([value["name"] for value in values], 12, most=128 if width == NARROW else 190),
            },
            "x": {
                "field": "revenue",
                "type": "quantitative",
                "axis": None,
                "scale": {"domain": [0, (most or 1) * 1.4]},
            },
        }
        return {
            "data": {"values": values},
            "layer": [
                {"mark": {"type": "bar"}, "encoding": encoding},
                {
                    "mark": {"type": "text", "align": "left", "dx": 5, "color": "var(--muted)"},
                    "encoding": encoding | {"text": {"field": "label"}},
                },
            ],
        }

    return Chart(spec, lambda _width: 34 * max(1, len(products)), HALF_WIDTH)


def _names(names: Sequence[str], size: int, most: int = 190) -> Spec:
    """An axis of names, with room for them in whatever font the page has."""
    return {
        "title": None,
        "labelColor": "var(--ink)",
        "labelFontSize": size,
        "labelLimit": most,
        "minExtent": min(most * 1.2, max(map(len, names), default=0) * size * 0.62) + 6,
    }
