"""How gold tables differ, from what was counted in them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.ci.data_diff import Figures, TableDiff, TableFigures, TotalDiff, breaking, compare
from dataops_cli.ci.data_diff_breaking import judge_columns
from dataops_cli.ci.data_diff_reading import figures
from dataops_cli.ci.dbt_places import Places
from dataops_cli.dbt.graph import graph_of
from dataops_cli.warehouse.embedded import Candidate

DAYS = TableFigures(2, {"day": "date", "total": "decimal(19,4)"}, {"total": Decimal("1.5000")})


def test_every_kind_of_difference() -> None:
    after = TableFigures(
        3,
        {"day": "timestamp", "total": "decimal(19,4)", "margin": "double"},
        {"total": Decimal("2.5000"), "margin": 0.1},
    )
    assert compare({"gold.days": DAYS, "gold.old": DAYS}, {"gold.days": after, "gold.young": DAYS}) == (
        TableDiff(
            "gold.days",
            2,
            3,
            (TotalDiff("total", Decimal("1.5000"), Decimal("2.5000")),),
            ("column day is timestamp, was date", "column margin is added"),
        ),
        TableDiff("gold.old", 2, None, (), ()),
        TableDiff("gold.young", None, 2, (), ()),
    )
    assert breaking({"gold.days": DAYS, "gold.old": DAYS}, {"gold.days": after}) == [
        "gold.days: column day is timestamp, was date",
        "gold.old is removed",
    ]


def test_the_last_digits_of_floats_are_no_difference() -> None:
    def table(total: float | None) -> Figures:
        return {"gold.t": TableFigures(1, {"a": "double"}, {"a": total})}

    assert not compare(table(0.1 + 0.2), table(0.3))[0].differs
    assert not compare(table(float("nan")), table(float("nan")))[0].differs
    assert compare(table(0.3), table(0.30001))[0].differs
    assert compare(table(None), table(0.0))[0].differs


names = st.sampled_from(["a", "b", "c"])
numbers = st.one_of(st.none(), st.integers(), st.decimals(allow_nan=False, allow_infinity=False), st.floats())
tables = st.builds(
    lambda rows, columns, totals: TableFigures(rows, columns, totals),
    st.integers(0),
    st.dictionaries(names, st.sampled_from(["int", "date"])),
    st.dictionaries(names, numbers),
)
warehouses = st.dictionaries(st.sampled_from(["gold.x", "gold.y"]), tables)


@given(warehouses)
def test_what_is_the_same_does_not_differ(figures: Figures) -> None:
    assert not any(table.differs for table in compare(figures, figures))
    assert breaking(figures, figures) == []


@given(warehouses, warehouses)
def test_each_table_is_there_once_and_what_breaks_is_shown(before: Figures, after: Figures) -> None:
    found = compare(before, after)
    assert [table.table for table in found] == sorted({*before, *after})
    shown = {f"{table.table}: {line}" for table in found for line in table.columns}
    shown |= {f"{table.table} is removed" for table in found if table.rows_after is None}
    assert set(breaking(before, after)) <= shown


def test_what_is_counted_in_a_warehouse(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create schema gold")
        connection.execute(
            'create table gold."da""ys" as select * from (values'
            " (date '2014-06-30', 1, 1.50::decimal(19, 4), 0.5::double, true, 'x', null::int),"
            " (date '2014-07-01', 2, null, 0.25, false, 'y', null)) as t(Day, n, Total, share, flag, name, gone)"
        )
    node = {
        "unique_id": "model.p.days", "resource_type": "model", "name": "days", "schema": "gold", "alias": 'da"ys',
        "original_file_path": "", "fqn": ["p", "days"], "config": {"materialized": "table"}, "tags": ["gold"],
    }  # fmt: skip
    graph = graph_of({"sources": {}, "nodes": {"model.p.days": node}})
    assert figures(Candidate("test", tmp_path), graph.built()) == {
        'gold.da"ys': TableFigures(
            rows=2,
            columns={
                "day": "date", "n": "integer", "total": "decimal(19,4)", "share": "double", "flag": "boolean",
                "name": "varchar", "gone": "integer",
            },
            totals={"n": 3, "total": Decimal("1.5000"), "share": 0.75, "gone": None},
        )
    }  # fmt: skip


def test_a_gold_model_that_is_removed_is_told_at_its_file(tmp_path: Path) -> None:
    node = {
        "unique_id": "model.p.days", "resource_type": "model", "name": "days", "schema": "gold", "alias": "days",
        "original_file_path": "models/gold/days.sql", "fqn": ["p", "days"], "config": {"materialized": "table"},
        "tags": ["gold"], "patch_path": None,
    }  # fmt: skip
    empty: dict[str, Any] = {"sources": {}, "nodes": {}, "macros": {}, "metadata": {}}
    documents = ({**empty, "nodes": {"model.p.days": node}}, empty)
    before, branch = (SimpleNamespace(document=item, graph=graph_of(item)) for item in documents)
    found: Any = SimpleNamespace(before=before, branch=branch, breaking=[], allowed_by=None, faults=[])
    judge_columns(found, Places(tmp_path, "data/dbt"), None)
    (fault,) = found.faults
    assert (fault.message, str(fault.place)) == ("gold.days is removed", "data/dbt/models/gold/days.sql")
