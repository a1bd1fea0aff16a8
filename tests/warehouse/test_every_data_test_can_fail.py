"""A data test that cannot fail tests nothing: each is shown failing on data that is broken in one way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from warehouse.builds import Built, clean_copy, compiled_sql, install_packages
from warehouse.mutations import DETAIL, MUTATIONS, ORDERS, PRODUCT, Mutation, change

pytestmark = pytest.mark.slow

# It looks at the project, not at the data, so it has a test of its own: the last one here.
OF_THE_PROJECT = frozenset({"layers_read_only_what_they_may"})


@pytest.fixture(scope="module")
def spoilable(
    generated: Built, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    copy = generated.copy_to(tmp_path_factory.mktemp("spoilable"))
    with copy.connect(writable=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def data_tests(duckdb_manifest: dict[str, Any]) -> dict[str, str]:
    """The compiled SQL of every data test by its name."""
    return compiled_sql(duckdb_manifest, "test")


def failing(connection: duckdb.DuckDBPyConnection, data_tests: dict[str, str]) -> set[str]:
    """The tests that return a row."""
    return {name for name, sql in data_tests.items() if connection.execute(sql).fetchone() is not None}


def test_none_fails_on_unbroken_data(
    spoilable: duckdb.DuckDBPyConnection, data_tests: dict[str, str]
) -> None:
    assert failing(spoilable, data_tests) == set()


@pytest.mark.parametrize(
    "mutation", MUTATIONS, ids=lambda mutation: f"{mutation.noticed_by[0]}: {mutation.description}"
)
def test_broken_data_is_noticed(
    mutation: Mutation,
    spoilable: duckdb.DuckDBPyConnection,
    data_tests: dict[str, str],
    duckdb_manifest: dict[str, Any],
) -> None:
    expected = {name: data_tests[name] for name in mutation.noticed_by}
    spoilable.begin()
    try:
        spoilable.execute(mutation.statement.format(**compiled_sql(duckdb_manifest, "model")))
        assert failing(spoilable, expected) == set(expected)
    finally:
        spoilable.rollback()


def test_every_data_test_is_shown_failing(data_tests: dict[str, str]) -> None:
    shown = {name for mutation in MUTATIONS for name in mutation.noticed_by} | OF_THE_PROJECT
    assert set(data_tests) - shown == set()
    assert shown - set(data_tests) == set()


# --- the same through dbt itself ---------------------------------------------------------------------------------------


def spoiled(generated: Built, folder: Path, statement: str) -> Built:
    copy = generated.copy_to(folder)
    with copy.connect(writable=True) as connection:
        connection.execute(statement)
    return copy


def test_dbt_build_fails_on_broken_sources(generated: Built, tmp_path: Path) -> None:
    warehouse = spoiled(generated, tmp_path, change(PRODUCT, "StandardCost = -1"))
    assert warehouse.build("tag:bronze") == ["brnz_products_cost_not_negative: fail"]


def test_dbt_build_fails_on_broken_silver(generated: Built, tmp_path: Path) -> None:
    warehouse = spoiled(generated, tmp_path, change(ORDERS, "sales_channel = 'fax'"))
    not_well = warehouse.build("tag:silver,resource_type:test")
    assert [line for line in not_well if not line.endswith("skipped")] == [
        "slvr_sales_orders_channel_is_known: fail"
    ]


def test_what_bronze_leaves_out_is_only_warned_about(generated: Built, tmp_path: Path) -> None:
    """The invalid line is filtered; that its order's subtotal is then no longer the sum of its lines is not."""
    warehouse = spoiled(generated, tmp_path, change(DETAIL, "OrderQty = 0"))
    assert warehouse.build("source_order_lines_have_a_quantity") == []
    with warehouse.connect() as connection:
        lines = "select count(*) from bronze.brnz_sales_orders"
        (left,) = connection.execute(lines).fetchone() or (None,)
    with generated.connect() as connection:
        (whole,) = connection.execute(lines).fetchone() or (None,)
    assert (whole, left) == (whole, whole - 1)


def test_dbt_build_fails_on_a_model_that_reaches_past_its_layer(generated: Built, tmp_path: Path) -> None:
    project = clean_copy(tmp_path / "dbt")
    (project / "models/gold/gld_reaching.sql").write_text(
        "{{ config(contract={'enforced': false}) }}\nselect customer_id from {{ ref('brnz_customers') }}\n"
    )
    copy = generated.copy_to(tmp_path / "built")
    install_packages(project, tmp_path)
    warehouse = Built(project, copy.folder)
    assert warehouse.build("layers_read_only_what_they_may") == ["layers_read_only_what_they_may: fail"]
