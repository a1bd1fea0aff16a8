"""Documents as `collect` gives them, small enough to reckon with by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

HTML = "<script>alert('x')</script> & <b>\"Bikes\"</b>"


def day(on: str, revenue: str = "100", *, online: str = "40", **other: Any) -> dict[str, Any]:
    return {
        "order_date": on,
        "total_orders": 2,
        "net_revenue": revenue,
        "gross_profit": "10",
        "online_orders": 1,
        "reseller_orders": 1,
        "online_revenue": online,
        "reseller_revenue": str(Decimal(revenue) - Decimal(online)),
        "new_customers": 1,
        "revenue_7d_avg": revenue,
        "revenue_ytd": revenue,
        "orders_ytd": 2,
        "revenue_prior_year": None,
    } | other


def days(first: date, count: int, revenue: str = "100") -> list[dict[str, Any]]:
    return [day((first + timedelta(days=number)).isoformat(), revenue) for number in range(count)]


def customer(**other: Any) -> dict[str, Any]:
    return {
        "customer_id": 7,
        "full_name": None,
        "customer_type": "individual",
        "rfm_segment": "at_risk",
        "churn_risk": "churned",
        "last_order_date": "2013-01-31",
        "days_since_last_order": 515,
        "total_orders": 3,
        "lifetime_value": "1234.5600",
    } | other


def product(rank: int, **other: Any) -> dict[str, Any]:
    return {
        "product_id": rank,
        "product_name": f"Product {rank}",
        "category_name": "Bikes",
        "abc_class": "a",
        "revenue_rank": rank,
        "total_quantity_sold": 5,
        "total_revenue": "500.0000",
        "gross_margin_pct": "20.0000",
        "revenue_share_pct": "50.0000",
        "revenue_last_12m": "200.0000",
        "revenue_prior_12m": "100.0000",
        "revenue_growth_pct": "100.0000",
    } | other


def run(number: int, **other: Any) -> dict[str, Any]:
    return {
        "run_id": f"20261129T07000{number}-000{number}",
        "published": True,
        "status": "succeeded",
        "started_at": "2026-11-29T07:00:00+00:00",
        "finished_at": "2026-11-29T07:00:12+00:00",
        "seconds": 12.0,
        "release": "0123456789ab",
        "models": 9,
        "tests": 150,
        "tests_passed": 150,
        "reason": None,
    } | other


def document(**gold: Any) -> dict[str, Any]:
    """Two days, a segment, a customer at risk, two products, one run; `gold` replaces parts."""
    return {
        "environment": "local",
        "engine": "duckdb",
        "collected_at": "2026-11-29T08:00:00+00:00",
        "platform": {
            "published": {
                "run_id": "20261129T070001-0001",
                "number": 1,
                "release": "0123456789ab",
                "as_of_date": "2014-06-30",
                "rows": {},
                "built_at": "2026-11-29T07:00:00+00:00",
                "published_at": "2026-11-29T07:00:12+00:00",
            },
            "lineage": {
                "nodes": [
                    {"name": "sales.Orders", "layer": "source", "rows": None},
                    {"name": "brnz_orders", "layer": "bronze", "rows": 3},
                    {"name": "slvr_orders", "layer": "silver", "rows": 3},
                    {"name": "gld_days", "layer": "gold", "rows": 2},
                ],
                "arrows": [
                    ["sales.Orders", "brnz_orders"],
                    ["brnz_orders", "slvr_orders"],
                    ["slvr_orders", "gld_days"],
                ],
            },
            "runs": [run(1)],
            "tests": [
                {"layer": "gold", "passed": 150, "warned": 0, "failed": 0, "skipped": 0, "seconds": 1.5}
            ],
            "slowest": [{"name": "slvr_orders", "kind": "model", "seconds": 0.5}],
        },
        "gold": {
            "days": [day("2013-06-30"), day("2014-06-30", "110")],
            "segments": [
                {"rfm_segment": "at_risk", "churn_risk": "churned", "customers": 3, "revenue": "900.0000"},
                {"rfm_segment": "loyal", "churn_risk": "active", "customers": 1, "revenue": "100.0000"},
                {"rfm_segment": "no_orders", "churn_risk": "prospect", "customers": 2, "revenue": "0.0000"},
            ],
            "at_risk": [customer()],
            "products": [product(1), product(2, abc_class="b")],
            "classes": [
                {"abc_class": "a", "products": 1, "revenue": "500.0000", "gross_profit": "100.0000"},
                {"abc_class": "b", "products": 1, "revenue": "500.0000", "gross_profit": "100.0000"},
                {"abc_class": "none", "products": 4, "revenue": "0.0000", "gross_profit": "0.0000"},
            ],
            "categories": [
                {
                    "category_name": "Bikes",
                    "revenue": "1000.0000",
                    "gross_profit": "200.0000",
                    "revenue_last_12m": "400.0000",
                    "revenue_prior_12m": "200.0000",
                }
            ],
        }
        | gold,
    }


def empty() -> dict[str, Any]:
    """Published, with no row in gold, no run kept and no manifest."""
    found = document(days=[], segments=[], at_risk=[], products=[], classes=[], categories=[])
    found["platform"] |= {"lineage": None, "runs": [], "tests": [], "slowest": []}
    return found


HEALTH = {
    "environment": "local",
    "healthy": False,
    "checks": [
        {
            "name": "rows",
            "layer": "data",
            "result": "ok",
            "found": "1,124 rows",
            "value": 1124,
            "threshold": None,
            "remedy": None,
            "seconds": 0.03,
        },
        {
            "name": "freshness",
            "layer": "data",
            "result": "fail",
            "found": "the newest order is 3 days old",
            "value": 3,
            "threshold": 2,
            "remedy": "Load it: dataops source load --from <DIR>",
            "seconds": 0.02,
        },
    ],
}
