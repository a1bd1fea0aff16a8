"""The nine relations that dbt builds, against an independent computation from the same source, column by column."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from warehouse import oracle, random_sources
from warehouse.builds import Built, build_order, compiled_sql, connect_in_memory, run_models
from warehouse.conftest import LEAP_DAY, built

pytestmark = pytest.mark.slow


def differences(warehouse: Built, as_of_date: date | None = None) -> list[str]:
    expected = oracle.compute(warehouse.candidate.source, as_of_date)
    if as_of_date is not None:
        # Bronze does not know the day, so it need not be compared once more.
        expected = {name: relation for name, relation in expected.items() if relation.schema != "bronze"}
    with warehouse.connect() as connection:
        return [
            line
            for name, relation in expected.items()
            for line in oracle.differences(relation, connection, name)
        ]


def test_real_data(real: Built) -> None:
    assert differences(real) == []


def test_real_data_as_of_a_leap_day(project: Path, real_source: Path, shared: Path) -> None:
    warehouse = built(project, shared / "real-as-of", real_source, as_of_date=LEAP_DAY)
    assert differences(warehouse, date.fromisoformat(LEAP_DAY)) == []


def test_known_totals_of_the_real_data(real: Built) -> None:
    with real.connect() as connection:
        lines = connection.execute(
            """select count(distinct sales_order_id), count(*), sum(order_quantity), sum(line_total),
                      min(order_date), max(order_date) from silver.slvr_sales_orders"""
        ).fetchone()
        orders = connection.execute(
            """select count(*), sum(order_subtotal), sum(order_total_due), count(*) filter (is_online_order),
                      min(order_status), max(order_status)
               from (select distinct sales_order_id, order_subtotal, order_total_due, is_online_order, order_status
                     from bronze.brnz_sales_orders)"""
        ).fetchone()
        days = connection.execute(
            "select sum(total_orders), sum(online_orders), sum(reseller_orders) from gold.gld_sales_summary"
        ).fetchone()
    assert lines == (31465, 121317, 274914, Decimal("109846381.399888"), date(2011, 5, 31), date(2014, 6, 30))
    assert orders == (31465, Decimal("109846381.4039"), Decimal("123216786.1159"), 27659, 5, 5)
    assert days == (31465, 27659, 3806)


def test_generated_data(generated: Built) -> None:
    assert differences(generated) == []


def test_dirty_data(dirty: Built) -> None:
    assert differences(dirty) == []


def test_dirty_data_as_of_a_leap_day(dirty_as_of: Built) -> None:
    assert differences(dirty_as_of, date.fromisoformat(LEAP_DAY)) == []


def test_a_source_without_rows(project: Path, empty_source: Path, tmp_path: Path) -> None:
    assert differences(built(project, tmp_path / "built", empty_source)) == []


@given(rows=random_sources.SMALL_SOURCES)
@random_sources.FEW_EXAMPLES
def test_any_small_source(
    duckdb_manifest: dict[str, Any], empty_source: Path, tmp_path: Path, rows: random_sources.Rows
) -> None:
    """The compiled SQL is run without dbt, so its types are not made to fit: they have to be the contract's."""
    source = tmp_path / "source.duckdb"
    random_sources.write(rows, empty_source, source)
    expected = oracle.compute(source)
    with connect_in_memory(source) as connection:
        run_models(connection, build_order(duckdb_manifest), compiled_sql(duckdb_manifest, "model"))
        found = [
            line
            for name, relation in expected.items()
            for line in oracle.differences(relation, connection, name)
        ]
    assert found == []
