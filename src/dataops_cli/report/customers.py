"""The report's sections on customers and products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from dataops_cli.report import share_charts
from dataops_cli.report.drawing import drawn
from dataops_cli.report.figures import Group, groups_of, share
from dataops_cli.report.formats import amount, change, compact, percent, short_day, words
from dataops_cli.report.parts import Figure, Key, Section, Table

Rows = Sequence[Mapping[str, Any]]

NO_ORDERS, PROSPECT, ACTIVE, NEVER_SOLD = "no_orders", "prospect", "active", "none"
RISKS = ("active", "cooling", "at_risk", "churned")
RISK_MEANS = {
    "active": "bought in the last 90 days",
    "cooling": "91 to 180 days ago",
    "at_risk": "181 to 365 days ago",
    "churned": "more than a year ago",
}
TOP = 10


def buyers(segments: Rows) -> tuple[int, int]:
    """How many customers are active, and how many ever bought."""
    groups = {group.code: group.count for group in groups_of(segments, "churn_risk", "customers")}
    return groups.get(ACTIVE, 0), sum(count for code, count in groups.items() if code != PROSPECT)


def customer_section(gold: Mapping[str, Rows]) -> Section:
    bought = [row for row in gold["segments"] if row["churn_risk"] != PROSPECT]
    segments = groups_of(bought, "rfm_segment", "customers")
    found = {group.code: group for group in groups_of(bought, "churn_risk", "customers")}
    risks = [found[code] for code in RISKS if code in found]
    prospects = sum(row["customers"] for row in gold["segments"] if row["churn_risk"] == PROSPECT)
    note = f"{amount(prospects)} customers have never ordered and are not counted here." if prospects else ""
    figures = [_segments(segments), _risks(risks)] if segments else []
    return Section(
        "customers", "Customers", figures, [_at_risk(gold["at_risk"])] if gold["at_risk"] else [], note
    )


def product_section(gold: Mapping[str, Rows]) -> Section:
    products = list(gold["products"])
    if not products:
        return Section("products", "Products", note="No product has been sold yet.")
    unsold = sum(row["products"] for row in gold["classes"] if row["abc_class"] == NEVER_SOLD)
    note = f"{amount(unsold)} products have never been sold and are in no class." if unsold else ""
    return Section(
        "products",
        "Products",
        [_classes(gold, products), _top(products)],
        [_categories(gold["categories"])],
        note,
    )


def _segments(groups: Sequence[Group]) -> Figure:
    best = groups[0]
    count, revenue = _whole(groups)
    says = (
        f"The segment {words(best.code).lower()} is {percent(share(best.count, count), 0)} of the customers "
        f"and brings {percent(share(best.revenue, revenue), 0)} of the revenue."
    )
    return Figure(
        "Segments by recency, frequency and value",
        says,
        drawn(
            share_charts.shares(groups, "customers"),
            f"Each segment's share of customers and of revenue. {says}",
        ),
        [Key("prior-bar", "Share of customers"), Key("accent", "Share of revenue")],
        _group_table("Customers by segment", "Segment", groups),
        half=True,
    )


def _risks(groups: Sequence[Group]) -> Figure:
    count, revenue = _whole(groups)
    lost = [group for group in groups if group.code in ("at_risk", "churned")]
    says = (
        f"{percent(share(sum(group.count for group in lost), count), 0)} of the customers have not ordered for half a "
        f"year or longer; they brought {percent(share(sum(group.revenue for group in lost), revenue), 0)} of the revenue."
    )
    table = _group_table("Customers by churn risk", "Risk", groups)
    rows = [
        [f"{row[0]} ({RISK_MEANS[group.code]})", *row[1:]]
        for row, group in zip(table.rows, groups, strict=True)
    ]
    return Figure(
        "Churn risk by the last order",
        says,
        drawn(
            share_charts.shares(groups, "customers"), f"Each risk's share of customers and of revenue. {says}"
        ),
        [Key("prior-bar", "Share of customers"), Key("accent", "Share of revenue")],
        replace(table, rows=rows),
        half=True,
    )


def _at_risk(rows: Rows) -> Table:
    named = any(row["full_name"] for row in rows)
    return Table(
        f"The {len(rows)} most valuable customers at risk or lost",
        ["Customer", "Last order", "Orders", "Lifetime value"],
        [
            [
                f"{row['full_name']} ({row['customer_id']})"
                if named and row["full_name"]
                else f"No. {row['customer_id']}",
                f"{short_day(date.fromisoformat(row['last_order_date']))}, {amount(row['days_since_last_order'])} days ago",
                amount(row["total_orders"]),
                amount(Decimal(row["lifetime_value"])),
            ]
            for row in rows
        ],
        numbers=2,
        minor=frozenset({2}),
    )


def _classes(gold: Mapping[str, Rows], products: list[Mapping[str, Any]]) -> Figure:
    found = groups_of(gold["classes"], "abc_class", "products")
    groups = [group for group in found if group.code != NEVER_SOLD]
    count, revenue = _whole(groups)
    top = next((group for group in groups if group.code == "a"), groups[0])
    says = (
        f"{top.count} of the {count} products that sell, class {top.code.upper()}, bring "
        f"{percent(share(top.revenue, revenue), 0)} of the revenue."
    )
    return Figure(
        "ABC classes",
        says,
        drawn(
            share_charts.pareto(products),
            f"The share of revenue that the best products make together. {says}",
        ),
        [Key("accent", "A, up to 80 %"), Key("second", "B, up to 95 %"), Key("prior-bar", "C, the rest")],
        _group_table("Products by class", "Class", groups, "Products"),
        half=True,
    )


def _top(products: Sequence[Mapping[str, Any]]) -> Figure:
    top = products[:TOP]
    total = sum((Decimal(row["revenue_share_pct"] or 0) for row in top), Decimal(0))
    says = f"The first {len(top)} products make {percent(total)} of all revenue."
    return Figure(
        "Top products",
        says,
        drawn(share_charts.top_products(top), f"Bars of the revenue of the best products. {says}"),
        [],
        Table(
            "Top products",
            ["Product", "Revenue", "Margin", "12 months", "Growth"],
            [
                [
                    row["product_name"],
                    compact(Decimal(row["total_revenue"])),
                    percent(_decimal(row["gross_margin_pct"])),
                    compact(Decimal(row["revenue_last_12m"])),
                    change(_decimal(row["revenue_growth_pct"])),
                ]
                for row in top
            ],
            minor=frozenset({2, 3}),
        ),
        half=True,
    )


def _categories(rows: Rows) -> Table:
    return Table(
        "Categories",
        ["Category", "Revenue", "Gross margin", "12 months", "Year on year"],
        [
            [
                row["category_name"],
                amount(Decimal(row["revenue"])),
                percent(share(Decimal(row["gross_profit"]), Decimal(row["revenue"]))),
                amount(Decimal(row["revenue_last_12m"])),
                change(_grown(row)),
            ]
            for row in rows
        ],
        minor=frozenset({2, 3}),
    )


def _group_table(caption: str, kind: str, groups: Sequence[Group], of: str = "Customers") -> Table:
    count, revenue = _whole(groups)
    return Table(
        caption,
        [kind, of, "Of all", "Revenue", "Of revenue"],
        [
            [
                words(group.code),
                amount(group.count),
                percent(share(group.count, count)),
                compact(group.revenue),
                percent(share(group.revenue, revenue)),
            ]
            for group in groups
        ],
        minor=frozenset({2, 3}),
    )


def _whole(groups: Sequence[Group]) -> tuple[int, Decimal]:
    return sum(group.count for group in groups), sum((group.revenue for group in groups), Decimal(0))


def _grown(row: Mapping[str, Any]) -> Decimal | None:
    now, before = Decimal(row["revenue_last_12m"]), Decimal(row["revenue_prior_12m"])
    return share(now - before, before)


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
