"""The SQL Server edition of the models, without a SQL Server: what dbt compiles for it is T-SQL of 2017, and
translated to DuckDB it builds the same rows as the DuckDB edition.

SQL Server itself runs nothing here. What the translation would hide (integer division, the digits of decimals,
cut text, conditions as values) is checked in the compiled text.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given

from warehouse import oracle, random_sources, tsql
from warehouse.builds import Built, build_order, compiled_sql, connect_in_memory, run_models
from warehouse.mutations import MUTATIONS
from warehouse.test_project import CONTRACT

pytestmark = pytest.mark.slow

Rule = Callable[[str], list[str]]


def broken_by(rule: Rule, queries: dict[str, str]) -> dict[str, list[str]]:
    found = {name: rule(sql) for name, sql in queries.items()}
    return {name: parts for name, parts in found.items() if parts}


# --- the compiled text -------------------------------------------------------------------------------------------------


def test_everything_compiles_without_a_connection(
    tsql_manifest: dict[str, Any], duckdb_manifest: dict[str, Any]
) -> None:
    for kind in ("model", "test"):
        queries = compiled_sql(tsql_manifest, kind)
        assert set(queries) == set(compiled_sql(duckdb_manifest, kind))
        assert all(queries.values())
    assert set(compiled_sql(tsql_manifest, "model")) == set(CONTRACT)


@pytest.mark.parametrize("rule", tsql.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("kind", ["model", "test"])
def test_no_query_has(rule: Rule, kind: str, tsql_manifest: dict[str, Any]) -> None:
    assert broken_by(rule, compiled_sql(tsql_manifest, kind)) == {}


@pytest.mark.parametrize("rule", [tsql.lost_digits, tsql.text_cut_by_a_cast], ids=lambda rule: rule.__name__)
def test_no_model_has(rule: Rule, tsql_manifest: dict[str, Any]) -> None:
    assert broken_by(rule, compiled_sql(tsql_manifest, "model")) == {}


def test_text_is_as_long_as_declared(tsql_manifest: dict[str, Any]) -> None:
    """A model's text column is NVARCHAR of the length that the model's YAML and the source give it."""
    for node in tsql_manifest["nodes"].values():
        if node["resource_type"] == "model" and node["schema"] == "bronze":
            lengths = tsql.lengths_of_text(node["compiled_code"])
            declared = {
                column["name"]: column["data_type"]
                for column in node["columns"].values()
                if column["data_type"].startswith("nvarchar")
            }
            assert {name: f"nvarchar({length})" for name, length in lengths.items()} == declared


BAD = {
    tsql.not_understood: ["select frobnicate(a) as b from bronze.t"],
    tsql.unknown_functions: ["select greatest(1, 2) as a", "select date_trunc(day, a) as a"],
    tsql.features_of_other_engines: [
        "select a || b as c",
        "select a::int as c",
        "select true as c",
        "select a from t limit 1",
        "select a from t where a is distinct from b",
        "select date '2012-01-01' as c",
        "merge into t using s on 1 = 1 when matched then delete",
        "select sum(a) over w as c from t window w as (partition by b)",
        "select greatest(a, b) as c",
        "select datetrunc(month, a) as c",
        "create or alter view v as select 1 as c",
        "select value from string_split('a', ',', 1)",
        "select value from generate_series(1, 2)",
    ],
    tsql.text_that_is_not_unicode: ["select 'a' as b", "select a from t where b = 'c'"],
    tsql.stray_order_by: ["select a from t order by a"],
    tsql.divisions_outside_floats: [
        "select 1 / 2 as a",
        "select cast(a as decimal(19, 4)) / nullif(cast(b as decimal(19, 4)), 0) as c from t",
        "select cast(a as float) / cast(b as float) as c from t",
    ],
    tsql.averages: ["select avg(a) as b from t"],
    tsql.conditions_used_as_values: [
        "select a > b as c from t",
        "select a from t where is_b",
        "select case when is_b then 1 else 0 end as c from t",
        "select a from t where (a = b) = 1",
    ],
    tsql.selected_but_not_grouped: [
        "select a, sum(b) as b from t group by c",
        "select a, sum(b) as b from t group by a collate Latin1_General_100_BIN2",
    ],
    tsql.unknown_columns: [
        "select order_year + 1 as a, a + 1 as b from DataOps.silver.slvr_sales_orders",
        "select order_year as a from DataOps.silver.slvr_sales_orders where a = 2013",
        "select order_year as a from DataOps.silver.slvr_sales_orders group by a",
    ],
    tsql.columns_without_a_name_of_their_own: [
        "select order_year, order_year from DataOps.silver.slvr_sales_orders",
        "select count(*) from DataOps.silver.slvr_sales_orders",
    ],
    tsql.lost_digits: [
        "select gross_amount * unit_price_discount as a from t",
        "select cast(1 as decimal(38, 8)) - cast(1 as decimal(38, 8)) as a",
    ],
    tsql.text_cut_by_a_cast: ["select cast(N'hibernating' as nvarchar(10)) as a"],
}


@pytest.mark.parametrize(
    ("rule", "sql"),
    [(rule, sql) for rule, queries in BAD.items() for sql in queries],
    ids=lambda value: value.__name__ if callable(value) else value,
)
def test_a_rule_finds_what_it_looks_for(rule: Rule, sql: str) -> None:
    assert rule(sql) != []


def test_every_rule_is_shown_to_find_something() -> None:
    assert set(tsql.RULES) <= set(BAD)


# --- translated and run on DuckDB --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def translated_models(tsql_manifest: dict[str, Any]) -> dict[str, str]:
    return {name: tsql.to_duckdb(sql) for name, sql in compiled_sql(tsql_manifest, "model").items()}


def row_differences(connection: duckdb.DuckDBPyConnection, native: str) -> list[str]:
    """Relations of which the translated and the native edition are not the same rows, columns and types."""
    found = []
    relations = connection.execute(
        "select table_schema, table_name from information_schema.tables where table_catalog = 'DataOps'"
    ).fetchall()
    assert {name for _, name in relations} == set(CONTRACT)
    for schema, name in relations:
        ours, theirs = f'"DataOps".{schema}.{name}', f"{native}.{schema}.{name}"
        if (
            connection.execute(f"describe {ours}").fetchall()
            != connection.execute(f"describe {theirs}").fetchall()
        ):
            found.append(f"{name}: other columns or types")
            continue
        for one, other in ((ours, theirs), (theirs, ours)):
            left = connection.execute(
                f"select count(*) from (select * from {one} except all select * from {other})"
            ).fetchone()
            if left != (0,):
                found.append(f"{left} rows of {one} are not in {other}")
    return found


def built_by_translation(
    native: Built, manifest: dict[str, Any], translated: dict[str, str]
) -> duckdb.DuckDBPyConnection:
    """The translated models, built in memory from the same source, with the native warehouse attached."""
    connection = connect_in_memory(native.candidate.source, name="DataOps")
    run_models(connection, build_order(manifest), translated)
    connection.execute(f"attach '{native.candidate.path}' as warehouse (read_only)")
    return connection


def test_translated_models_build_the_same_rows_of_real_data(
    real: Built, tsql_manifest: dict[str, Any], translated_models: dict[str, str]
) -> None:
    with built_by_translation(real, tsql_manifest, translated_models) as connection:
        assert row_differences(connection, "warehouse") == []


def test_translated_models_build_the_same_rows_of_dirty_data(
    dirty: Built, tsql_manifest: dict[str, Any], translated_models: dict[str, str]
) -> None:
    with built_by_translation(dirty, tsql_manifest, translated_models) as connection:
        assert row_differences(connection, "warehouse") == []


def test_translated_models_build_the_same_rows_as_of_a_leap_day(
    dirty_as_of: Built, tsql_manifest_as_of: dict[str, Any]
) -> None:
    translated = {
        name: tsql.to_duckdb(sql) for name, sql in compiled_sql(tsql_manifest_as_of, "model").items()
    }
    with built_by_translation(dirty_as_of, tsql_manifest_as_of, translated) as connection:
        assert row_differences(connection, "warehouse") == []


@given(rows=random_sources.SMALL_SOURCES)
@random_sources.FEW_EXAMPLES
def test_translated_models_match_the_contract_on_any_small_source(
    tsql_manifest: dict[str, Any],
    translated_models: dict[str, str],
    empty_source: Path,
    tmp_path: Path,
    rows: random_sources.Rows,
) -> None:
    source = tmp_path / "source.duckdb"
    random_sources.write(rows, empty_source, source)
    expected = oracle.compute(source)
    with connect_in_memory(source, name="DataOps") as connection:
        run_models(connection, build_order(tsql_manifest), translated_models)
        found = [
            line
            for name, relation in expected.items()
            for line in oracle.differences(relation, connection, name)
        ]
    assert found == []


def test_translated_data_tests_notice_what_the_native_ones_notice(
    generated: Built, tsql_manifest: dict[str, Any], duckdb_manifest: dict[str, Any], tmp_path: Path
) -> None:
    translated = {name: tsql.to_duckdb(sql) for name, sql in compiled_sql(tsql_manifest, "test").items()}
    bronze = compiled_sql(duckdb_manifest, "model")
    copy = generated.copy_to(tmp_path)
    missed = []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{copy.candidate.source}' as AdventureWorks2014")
        connection.execute(f"attach '{copy.candidate.path}' as \"DataOps\"")
        connection.execute('use "DataOps"')
        assert [name for name, sql in translated.items() if connection.execute(sql).fetchone()] == []
        for mutation in MUTATIONS:
            connection.begin()
            connection.execute(mutation.statement.format(**bronze))
            missed += [
                f"{name}: {mutation.description}"
                for name in mutation.noticed_by
                if connection.execute(translated[name]).fetchone() is None
            ]
            connection.rollback()
    assert missed == []
