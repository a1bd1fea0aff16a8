"""The plan of a run, as the user reads it. No database, no clock."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from dataops_cli.dbt.graph import Graph, Node
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.pipeline.plan import Observed, describe, plan_run

NEVER = Observed(published=None, relations=frozenset(), generations=(), keep_generations=2)
ONCE = Observed("run-1", frozenset({"b", "s", "g"}), ("run-1",), 2)
FULL = Observed("run-3", frozenset({"b", "s", "g"}), ("run-3", "run-2"), 2)


def node(name: str, layer: str, parents: Iterable[str] = (), kind: str = "model", how: str = "table") -> Node:
    return Node(
        unique_id=name,
        kind=kind,
        name=name,
        layer=layer,
        schema=layer,
        alias=name,
        path=f"models/{layer}/{name}.sql",
        select=f"fqn:p.{name}",
        parents=tuple(parents),
        materialization=how if kind != "test" else "test",
        key=("id",),
        pii=frozenset(),
        columns=frozenset({"id"}),
        tested_columns=frozenset(),
        as_of_column=None,
        checksum="",
    )


def graph(*more: Node) -> Graph:
    nodes = [
        node("b", "bronze", ["source.orders"], how="view"),
        node("s", "silver", ["b"]),
        node("g", "gold", ["s"]),
        node("source_is_unique", "bronze", ["source.orders"], kind="test"),
        node("b_is_unique", "bronze", ["b"], kind="test"),
        node("s_is_unique", "silver", ["s"], kind="test"),
        node("s_keeps_b", "silver", ["b", "s"], kind="test"),
        node("g_equals_s", "gold", ["s", "g"], kind="test"),
        *more,
    ]
    return Graph({item.unique_id: item for item in nodes}, {"source.orders": frozenset()})


def test_a_first_run() -> None:
    assert describe(plan_run(graph(), {"b", "s", "g"}, NEVER)) == [
        "start an empty candidate  [consumers never see what is being built]",
        "check the freshness of the sources  [the run reads sources]",
        "build and test bronze: 1 view, 2 tests (b)  [selected]",
        "build and test silver: 1 table, 2 tests (s)  [selected]",
        "build and test gold: 1 table, 1 test (g)  [selected]",
        "write the documentation's catalog  [for dataops docs]",
        "publish for the first time  [every test of what was built has passed]",
    ]


def test_a_later_run_replaces_and_removes_what_is_beyond_the_limit() -> None:
    assert describe(plan_run(graph(), {"b", "s", "g"}, FULL))[-2:] == [
        "publish, in place of run-3  [every test of what was built has passed]",
        "remove generation run-2  [warehouse.keep_generations is 2]",
    ]


def test_a_part_is_built_into_a_copy_and_all_that_it_touches_is_tested() -> None:
    assert describe(plan_run(graph(), {"s"}, ONCE)) == [
        "start a candidate from what is published  [only a part is built]",
        "build and test silver: 1 table, 2 tests (s)  [selected]",
        "test gold: 1 test  [its tests read what was rebuilt]",
        "write the documentation's catalog  [for dataops docs]",
        "publish, in place of run-1  [every test of what was built has passed]",
    ]


def test_tests_of_what_does_not_exist_yet_are_left_out() -> None:
    assert describe(plan_run(graph(), {"b"}, NEVER))[2:3] == [
        "build and test bronze: 1 view, 2 tests (b)  [selected]"
    ]


def test_what_keeps_state_starts_from_what_is_published() -> None:
    history = node("h", "silver", ["b"], how="incremental")
    operations = describe(plan_run(graph(history), {"b", "s", "g", "h"}, ONCE))
    assert operations[0] == ("start a candidate from what is published  [keeps state: h]")


def test_a_retry_runs_what_failed_and_what_depends_on_it() -> None:
    done = {"b", "b_is_unique", "source_is_unique", "s", "s_keeps_b", "g_equals_s"}
    assert describe(plan_run(graph(), {"b", "s", "g"}, ONCE, done)) == [
        "continue the candidate that was left aside  [--retry]",
        "check the freshness of the sources  [the run reads sources]",
        "test silver: 1 test  [its tests read what was rebuilt]",
        "build and test gold: 1 table, 1 test (g)  [selected]",
        "write the documentation's catalog  [for dataops docs]",
        "publish, in place of run-1  [every test of what was built has passed]",
    ]


def test_nothing_selected() -> None:
    with pytest.raises(UsageError, match="The selection matches no model"):
        plan_run(graph(), set(), ONCE)


def test_a_model_that_reads_what_is_nowhere() -> None:
    with pytest.raises(DataopsError, match="g reads s, which is neither selected nor published") as caught:
        plan_run(graph(), {"g"}, NEVER)
    assert caught.value.exit_code is ExitCode.REFUSED
    assert caught.value.hint == "Build it too: dataops run --select +g"


def test_views_on_what_is_rebuilt_are_tested_again() -> None:
    view = node("v", "gold", ["s"], how="view")
    test = node("v_is_known", "gold", ["v"], kind="test")
    observed = Observed("run-1", frozenset({"b", "s", "g", "v"}), ("run-1",), 2)
    (tests,) = [
        item for item in plan_run(graph(view, test), {"s"}, observed) if "test gold" in item.describe()
    ]
    assert tests.describe() == "test gold: 2 tests"


def test_tests_of_a_source_run_with_what_reads_it() -> None:
    assert "2 tests (b)" in describe(plan_run(graph(), {"b"}, NEVER))[2]


def test_ephemeral_models_are_no_relations() -> None:
    through = node("e", "silver", ["b"], how="ephemeral")
    reader = node("r", "gold", ["e"])
    operations = plan_run(graph(through, reader), {"b", "s", "g", "e", "r"}, NEVER)
    assert any("(g, r)" in line for line in describe(operations))
