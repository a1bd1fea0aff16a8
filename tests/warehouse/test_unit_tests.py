"""dbt's unit tests: they pass, and each rule of the business has one that notices when the rule is changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from warehouse.builds import Built, UnitTest, once

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Change:
    """A rule of a model, changed by replacing a piece of its compiled SQL."""

    rule: str
    model: str
    text: str
    replacement: str


SALES_ORDERS, CUSTOMERS = "slvr_sales_orders", "slvr_customers"
SUMMARY, PERFORMANCE = "gld_sales_summary", "gld_product_performance"

CHANGES = (
    Change("an order date is needed", "brnz_sales_orders", "order_date is not null", "1 = 1"),
    Change("a customer is needed", "brnz_sales_orders", "and customer_id is not null", ""),
    Change("a product is needed", "brnz_sales_orders", "and product_id is not null", ""),
    Change("a quantity is needed", "brnz_sales_orders", "order_quantity > 0", "order_quantity >= 0"),
    Change("a price is needed", "brnz_sales_orders", "and unit_price >= 0", ""),
    Change("a person or a store is needed", "brnz_customers", "or store_id is not null", "or 1 = 1"),
    Change("order size tier: medium", SALES_ORDERS, "order_total_due < 1000 ", "order_total_due <= 1000 "),
    Change("order size tier: large", SALES_ORDERS, "order_total_due >= 10000", "order_total_due > 10000"),
    Change(
        "gross margin of a line", SALES_ORDERS, "nullif(cast(net_amount as", "nullif(cast(product_cost as"
    ),
    Change("rfm segment: champions", CUSTOMERS, "buyers.monetary_score >= 4", "buyers.monetary_score >= 6"),
    Change("rfm segment: new", CUSTOMERS, "buyers.frequency_score <= 2", "buyers.frequency_score <= 0"),
    Change("value tier: high", CUSTOMERS, "lifetime_value >= 10000", "lifetime_value > 10000"),
    Change("value tier: medium", CUSTOMERS, "lifetime_value >= 1000 ", "lifetime_value > 1000 "),
    Change("value tier: low", CUSTOMERS, "lifetime_value > 0", "lifetime_value >= 0"),
    Change("performance tier", "slvr_products", "ntile(4)", "ntile(3)"),
    Change(
        "gross margin of a product",
        "slvr_products",
        "nullif(cast(sales.total_revenue as",
        "nullif(cast(sales.total_cost as",
    ),
    Change("churn risk: active", "gld_customer_metrics", "<= 90", "< 90"),
    Change("churn risk: cooling", "gld_customer_metrics", "<= 180", "< 180"),
    Change("churn risk: at risk", "gld_customer_metrics", "<= 365", "< 365"),
    Change("ABC class: a", PERFORMANCE, "<= 80 *", "< 80 *"),
    Change("ABC class: b", PERFORMANCE, "<= 95 *", "< 95 *"),
    Change("year to date", SUMMARY, "partition by order_year order by", "order by"),
    Change("month to date", SUMMARY, "partition by order_year, order_month", "partition by order_month"),
    Change(
        "prior year", SUMMARY, "cast(-1 as bigint) * interval 1 year", "cast(-365 as bigint) * interval 1 day"
    ),
    Change(
        "gross margin of a day",
        SUMMARY,
        "nullif(cast(daily.net_revenue as",
        "nullif(cast(daily.total_cost as",
    ),
)


@pytest.fixture(scope="session")
def unit_tests(generated: Built, shared: Path) -> list[UnitTest]:
    """What `dbt test --select test_type:unit` says of each unit test, and the SQL it ran."""
    tested = Built(generated.project, shared / "unit-tested" / "built")

    def make(folder: Path) -> None:
        generated.copy_to(tested.folder).run_unit_tests()

    once(shared / "unit-tested", make)
    return tested.unit_tests()


def test_all_pass(unit_tests: list[UnitTest]) -> None:
    assert [f"{test.name}: {test.status}" for test in unit_tests if test.status != "pass"] == []
    assert len(unit_tests) >= 20


def test_every_model_has_a_unit_test(unit_tests: list[UnitTest], duckdb_manifest: dict[str, Any]) -> None:
    models = {node["name"] for node in duckdb_manifest["nodes"].values() if node["resource_type"] == "model"}
    assert models - {test.model for test in unit_tests} == set()


def passes(sql: str) -> bool:
    """Whether the rows that a unit test gets are those it expects: dbt's own comparison."""
    with duckdb.connect() as connection:
        rows = connection.execute(sql).fetchall()
    actual = Counter(row[:-1] for row in rows if row[-1] == "actual")
    return actual == Counter(row[:-1] for row in rows if row[-1] == "expected")


def test_unit_tests_pass_without_dbt_too(unit_tests: list[UnitTest]) -> None:
    """So what the next test does is what dbt would do."""
    assert [test.name for test in unit_tests if not passes(test.sql)] == []


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.rule)
def test_a_changed_rule_is_noticed(change: Change, unit_tests: list[UnitTest]) -> None:
    tests = [test for test in unit_tests if test.model == change.model]
    assert all(change.text in test.sql for test in tests), "the model is no longer written like that"
    noticed = [test.name for test in tests if not passes(test.sql.replace(change.text, change.replacement))]
    assert noticed != []
