"""The page: a collected document as one HTML file, with nothing to load from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataops_cli.report.customers import buyers, customer_section, product_section
from dataops_cli.report.figures import Figures, days_of, figures_of
from dataops_cli.report.formats import breakable, day, moment
from dataops_cli.report.revenue import channel_section, headline, key_figures, revenue_section
from dataops_cli.report.state import health_section, lineage_section, run_section, state_numbers


def render(
    document: Mapping[str, Any],
    health: Mapping[str, Any] | None = None,
    *,
    health_command: str = "dataops health",
) -> str:
    """The HTML of what `collect` gives, and of what `dataops health --json` says where it is at hand."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    gold, platform = document["gold"], document["platform"]
    figures = figures_of(days_of(gold["days"]))
    active, customers = buyers(gold["segments"])
    templates = Environment(
        loader=PackageLoader("dataops_cli.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["breakable"] = breakable
    sections = [revenue_section(figures), channel_section(figures)] if figures else []
    if customers:
        sections.append(customer_section(gold))
    sections.append(product_section(gold))
    return templates.get_template("report.html.j2").render(
        environment=document["environment"],
        engine={"duckdb": "DuckDB", "sqlserver": "SQL Server"}[document["engine"]],
        headline=headline(figures) if figures else "No order has been published yet",
        data_to=day(figures.last) if figures else None,
        collected=moment(document["collected_at"]),
        published=platform["published"],
        published_at=moment(platform["published"]["published_at"]),
        numbers=key_figures(figures, active, customers) if figures else [],
        state_numbers=state_numbers(platform, health),
        sales=sections,
        state=[
            health_section(health, health_command),
            run_section(platform),
            lineage_section(platform["lineage"]),
        ],
    )


def summary(document: Mapping[str, Any]) -> dict[str, Any]:
    """The key figures, for `--json`. Money is exact."""
    figures: Figures | None = figures_of(days_of(document["gold"]["days"]))
    active, customers = buyers(document["gold"]["segments"])
    return {
        "run_id": document["platform"]["published"]["run_id"],
        "data_to": figures.last if figures else None,
        "revenue_year_to_date": figures.year.revenue if figures else None,
        "revenue_year_to_date_prior": figures.last_year.revenue if figures and figures.last_year else None,
        "revenue_12_months": figures.recent.revenue if figures else None,
        "orders_12_months": figures.recent.orders if figures else None,
        "active_customers": active,
        "customers": customers,
    }
