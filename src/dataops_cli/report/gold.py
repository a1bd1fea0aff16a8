"""What the report says of sales: read from gold, by statements that DuckDB and SQL Server both take."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from datetime import date
from decimal import Decimal
from typing import Any

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.warehouse.query import Session

MODELS = ("gld_sales_summary", "gld_customer_metrics", "gld_product_performance")
# Customers at risk that are listed.
LISTED = 10

DAYS = """
select order_date, total_orders, net_revenue, gross_profit, online_orders, reseller_orders, online_revenue,
    reseller_revenue, new_customers, revenue_7d_avg, revenue_ytd, orders_ytd, revenue_prior_year
from gold.gld_sales_summary
order by order_date
"""

SEGMENTS = """
select rfm_segment, churn_risk, count(*) as customers, sum(lifetime_value) as revenue
from gold.gld_customer_metrics
group by rfm_segment, churn_risk
order by rfm_segment, churn_risk
"""

AT_RISK = """
select customer_id, {name}, customer_type, rfm_segment, churn_risk, last_order_date, days_since_last_order,
    total_orders, lifetime_value
from gold.gld_customer_metrics
where churn_risk in ('at_risk', 'churned')
order by lifetime_value desc, customer_id
"""

AT_RISK_UNNAMED = AT_RISK.format(name="cast(null as varchar(1)) as full_name")
AT_RISK_NAMED = AT_RISK.format(name="full_name")

PRODUCTS = """
select product_id, product_name, category_name, abc_class, revenue_rank, total_quantity_sold, total_revenue,
    gross_margin_pct, revenue_share_pct, revenue_last_12m, revenue_prior_12m, revenue_growth_pct
from gold.gld_product_performance
where revenue_rank is not null
order by revenue_rank
"""

CLASSES = """
select abc_class, count(*) as products, sum(total_revenue) as revenue, sum(gross_profit) as gross_profit
from gold.gld_product_performance
group by abc_class
order by abc_class
"""

CATEGORIES = """
select category_name, sum(total_revenue) as revenue, sum(gross_profit) as gross_profit,
    sum(revenue_last_12m) as revenue_last_12m, sum(revenue_prior_12m) as revenue_prior_12m
from gold.gld_product_performance
where revenue_rank is not null
group by category_name
order by revenue desc, category_name
"""


def read_gold(session: Session, *, names: bool = False) -> dict[str, list[dict[str, Any]]]:
    """The rows by subject. Dates are ISO text, decimals text; customers have their names with `names` only."""
    return {
        "days": _rows(session, DAYS),
        "segments": _rows(session, SEGMENTS),
        "at_risk": _rows(session, AT_RISK_NAMED if names else AT_RISK_UNNAMED, LISTED),
        "products": _rows(session, PRODUCTS),
        "classes": _rows(session, CLASSES),
        "categories": _rows(session, CATEGORIES),
    }


def require_models(published: Collection[str]) -> None:
    """Raises DataopsError (exit 3) where what is published lacks a model that the report reads."""
    if missing := [model for model in MODELS if model not in published]:
        raise DataopsError(
            f"The report reads gold.{missing[0]}, which is not among what is published",
            hint="Build all models: dataops run. For models of your own: docs/REPORT.md.",
            exit_code=ExitCode.UNAVAILABLE,
        )


def _rows(session: Session, sql: str, count: int | None = None) -> list[dict[str, Any]]:
    with closing(session.answers(sql)) as answers:
        answer = next(answers)
        return [dict(zip(answer.columns, map(_plain, row), strict=True)) for row in answer.fetch(count)]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else value
