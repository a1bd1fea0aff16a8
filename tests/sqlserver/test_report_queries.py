"""The report's statements on a T-SQL server, as the login that only reads what is published."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataops_cli.project import Project
from dataops_cli.report.gold import MODELS, read_gold
from dataops_cli.report.page import render, summary
from dataops_cli.settings.load import load_environment
from dataops_cli.warehouse.query import open_session
from sqlserver.conftest import ADDRESS, ENVIRONMENT, TsqlPlatform
from support import ROOT

pytestmark = [] if os.environ.get(ADDRESS) else [pytest.mark.engine]

ROWS: dict[str, list[dict[str, Any]]] = {
    "gld_sales_summary": [
        {"order_date": "2013-06-30", "net_revenue": "100.5", "revenue_ytd": "100.5"},
        {
            "order_date": "2014-06-30",
            "net_revenue": "110.25",
            "revenue_ytd": "110.25",
            "revenue_prior_year": "100.5",
        },
    ],
    "gld_customer_metrics": [
        {
            "customer_id": 1,
            "full_name": "Zoë <b>",
            "rfm_segment": "at_risk",
            "churn_risk": "churned",
            "lifetime_value": "70.75",
            "last_order_date": "2013-06-30",
        },
        {
            "customer_id": 2,
            "rfm_segment": "loyal",
            "churn_risk": "active",
            "lifetime_value": "140",
            "last_order_date": "2014-06-30",
        },
        {"customer_id": 3, "rfm_segment": "no_orders", "churn_risk": "prospect"},
    ],
    "gld_product_performance": [
        {
            "product_id": 1,
            "product_name": "Räd",
            "category_name": "Bikes",
            "abc_class": "a",
            "revenue_rank": 1,
            "total_revenue": "210.75",
        },
        {"product_id": 2, "product_name": "Unsold", "category_name": "Bikes", "abc_class": "none"},
    ],
}
NUMBERS = ("int", "decimal")


def columns(model: str) -> list[tuple[str, str]]:
    """Names and types, as the contract of the model has them."""
    (found,) = yaml.safe_load((ROOT / "dbt" / "models" / "gold" / f"{model}.yml").read_text())["models"]
    return [(column["name"], column["data_type"].replace("boolean", "bit")) for column in found["columns"]]


def literal(row: dict[str, Any], name: str, kind: str) -> str:
    value = row.get(name)
    if value is None:
        return (
            "0" if kind.startswith(NUMBERS) and name not in ("revenue_prior_year", "revenue_rank") else "NULL"
        )
    return str(value) if kind.startswith(NUMBERS) else f"N'{value}'"


@pytest.fixture
def platform(new_tsql_platform: Callable[[Path], TsqlPlatform], tmp_path: Path) -> TsqlPlatform:
    """The three gold tables with the contract's types, readable as what is published is."""
    made = new_tsql_platform(tmp_path / "platform")
    for model in MODELS:
        names = columns(model)
        made.execute(f"CREATE TABLE gold.{model} ({', '.join(f'{name} {kind}' for name, kind in names)})")
        for row in ROWS[model]:
            values = ", ".join(literal(row, name, kind) for name, kind in names)
            made.execute(f"INSERT INTO gold.{model} VALUES ({values})")
        made.execute(f"GRANT SELECT ON gold.{model} TO dataops_readers")
    return made


def test_the_statements_give_what_the_report_needs(
    platform: TsqlPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in platform.secrets.items():
        monkeypatch.setenv(name, value)
    environment = load_environment(Project(platform.folder), ENVIRONMENT)

    with open_session(environment.settings, platform.folder) as session:
        gold = read_gold(session, names=True)
        unnamed = read_gold(session)

    assert [row["order_date"] for row in gold["days"]] == ["2013-06-30", "2014-06-30"]
    assert [Decimal(row["net_revenue"]) for row in gold["days"]] == [Decimal("100.5"), Decimal("110.25")]
    assert [(row["rfm_segment"], row["customers"], Decimal(row["revenue"])) for row in gold["segments"]] == [
        ("at_risk", 1, Decimal("70.75")),
        ("loyal", 1, Decimal(140)),
        ("no_orders", 1, Decimal(0)),
    ]
    assert [row["full_name"] for row in gold["at_risk"]] == ["Zoë <b>"]
    assert [row["full_name"] for row in unnamed["at_risk"]] == [None]
    assert [row["product_name"] for row in gold["products"]] == ["Räd"]
    assert [(row["abc_class"], row["products"]) for row in gold["classes"]] == [("a", 1), ("none", 1)]
    assert [row["category_name"] for row in gold["categories"]] == ["Bikes"]
    document = {
        "environment": ENVIRONMENT,
        "engine": "sqlserver",
        "collected_at": "2026-11-29T08:00:00+00:00",
        "gold": gold,
        "platform": {
            "published": {"run_id": "r", "published_at": None, "release": None},
            "lineage": None,
            "runs": [],
            "tests": [],
            "slowest": [],
        },
    }
    assert "Zoë &lt;b&gt; (1)" in render(document)
    assert summary(document)["revenue_year_to_date"] == Decimal("110.25")
