"""What the checks of the data conclude, as golden text."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dataops_cli.checks import Finding
from dataops_cli.dbt.graph import read_graph, read_manifest
from dataops_cli.dbt.results import NodeResult
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.health import data_freshness, data_keys, data_publication, data_relations, data_rows
from dataops_cli.health import data_tests as last_run
from dataops_cli.health import data_totals as totals
from dataops_cli.health.data_embedded import embedded_reading
from dataops_cli.health.data_freshness import Latest
from dataops_cli.health.data_keys import KeyCount
from dataops_cli.health.data_published import LoadedSource, PublishedRelation, relations_of, sources_of
from dataops_cli.health.data_rows import TableRows
from dataops_cli.health.data_totals import Day
from dataops_cli.health.inside import findings
from dataops_cli.pipeline.history import RunRecord
from dataops_cli.settings.model import Freshness
from dataops_cli.settings.services import Airflow
from dataops_cli.warehouse.embedded import EmbeddedWarehouse
from dataops_cli.warehouse.generation import Generation

NOW = datetime(2026, 11, 29, 7, 30, tzinfo=UTC)


def said(finding: Finding) -> str:
    """Everything but the remedy."""
    numbers = [f"{number:g}" for number in (finding.value, finding.threshold) if number is not None]
    return " | ".join([finding.result, *finding.found.splitlines(), *numbers])


# ---- relations

ORDERS = PublishedRelation("orders", "bronze", "bronze", "brnz_orders", True, ())
DAYS = PublishedRelation("days", "gold", "gold", "gld_days", False, ("order_date",))


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({("bronze", "brnz_orders"): True, ("gold", "gld_days"): False}, "ok | 1 view and 1 table | 0 | 0"),
        ({("bronze", "brnz_orders"): True}, "fail | gold.gld_days is missing | 1 | 0"),
        (
            {("bronze", "brnz_orders"): False, ("gold", "gld_days"): True},
            "fail | bronze.brnz_orders is a table, not a view | gold.gld_days is a view, not a table | 2 | 0",
        ),
        (
            {("gold", "brnz_orders"): True},
            "fail | bronze.brnz_orders is missing | gold.gld_days is missing | 2 | 0",
        ),
    ],
)
def test_relations(kinds: dict[tuple[str, str], bool], expected: str) -> None:
    found = data_relations.judge([ORDERS, DAYS], kinds, kinds)
    assert said(found) == expected
    assert bool(found.remedy) is (found.result != "ok")


def test_relations_that_consumers_cannot_read() -> None:
    kinds = {("bronze", "brnz_orders"): True, ("gold", "gld_days"): False}
    found = data_relations.judge([ORDERS, DAYS], kinds, set())
    assert said(found) == "fail | gold.gld_days cannot be read by the login that reads | 1 | 0"


def test_many_problems_are_counted() -> None:
    relations = [
        PublishedRelation(str(number), "gold", "gold", f"t{number}", False, ()) for number in range(1204)
    ]
    assert said(data_relations.judge(relations, {}, {})).endswith(
        "| gold.t4 is missing | and 1,199 more | 1204 | 0"
    )


# ---- rows


@pytest.mark.parametrize(
    ("now", "published", "earlier", "expected"),
    [
        (1000, 1000, (), "ok | 1,000 rows in 1 table | 0 | 0"),
        (1000, 1000, (900, 1100), "ok | 1,000 rows in 1 table | 0 | 0"),
        (500, 500, (1000,), "ok | 500 rows in 1 table | 0 | 0"),
        (
            499,
            499,
            (1000, 900, 1100),
            "fail | gold.t has 499 rows, less than half of the usual 1,000 | 1 | 0",
        ),
        (2000, 2000, (1000,), "ok | 2,000 rows in 1 table | 0 | 0"),
        (2001, 2001, (1000,), "warn | gold.t has 2,001 rows, more than double the usual 1,000 | 1 | 0"),
        (0, 0, (), "fail | gold.t is empty | 1 | 0"),
        (0, 0, (0, 0), "ok | 0 rows in 1 table | 0 | 0"),
        (0, 1000, (0,), "fail | gold.t has 0 rows, and was published with 1,000 | 1 | 0"),
        (1, 2, (), "fail | gold.t has 1 row, and was published with 2 | 1 | 0"),
    ],
)
def test_rows(now: int, published: int, earlier: tuple[int, ...], expected: str) -> None:
    assert said(data_rows.judge([TableRows("gold.t", now, published, earlier)])) == expected


def test_rows_of_no_table() -> None:
    """All were dropped, which another check says."""
    assert said(data_rows.judge([])) == "skipped | none of the tables is there"


# ---- keys


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], "skipped | no table has a key that its tests or meta.key name"),
        ([KeyCount("gold.t", ("id",), 0, 0)], "ok | 1 key whole and unique | 0 | 0"),
        (
            [KeyCount("gold.t", ("id", "day"), 1, 2), KeyCount("gold.u", ("id",), 0, 0)],
            "fail | gold.t: 1 row without id, day | gold.t: 2 values of id, day in more than one row | 2 | 0",
        ),
    ],
)
def test_keys(counts: list[KeyCount], expected: str) -> None:
    assert said(data_keys.judge(counts)) == expected


# ---- freshness


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0.5, "ok | the latest row of Sales.A is of 2026-11-28, 0.5 days old | 0.5 | 1"),
        (1.5, "warn | the latest row of Sales.A is of 2026-11-27, 1.5 days old; 1 are usual | 1.5 | 1"),
        (3, "fail | the latest row of Sales.A is of 2026-11-26, 3.0 days old; 2 are allowed | 3 | 2"),
        (-1, "ok | the latest row of Sales.A is of 2026-11-30, -1.0 days old | -1 | 1"),
    ],
)
def test_freshness(days: float, expected: str) -> None:
    latest = [Latest("Sales.A", NOW - timedelta(days=days)), Latest("Sales.B", NOW + timedelta(days=2))]
    assert said(data_freshness.judge(latest, Freshness(), NOW)) == expected


def test_freshness_of_nothing() -> None:
    limits = Freshness()
    assert said(data_freshness.judge([Latest("Sales.A", None)], limits, NOW)) == "fail | Sales.A: no row"
    assert said(data_freshness.judge([], limits, NOW)) == (
        "skipped | the project has no rule of freshness (loaded_at_field, warn_after)"
    )


def test_freshness_by_a_column_of_text() -> None:
    """Its rows are there, so that `no row` would be untrue."""
    source = LoadedSource("Sales", "A", "LoadedAt")
    assert data_freshness.moment(None, source) is None
    assert data_freshness.moment(date(2026, 11, 29), source) == datetime(2026, 11, 29, tzinfo=UTC)
    with pytest.raises(UsageError, match=r"Sales\.A: its loaded_at_field LoadedAt holds no dates"):
        data_freshness.moment("2026-11-29", source)


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"nodes": {')
    for read in (read_graph, read_manifest):
        with pytest.raises(DataopsError, match=r"manifest\.json is damaged"):
            read(tmp_path / "manifest.json")


# ---- an embedded warehouse that somebody has open


HOLD = "import duckdb, sys; connection = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"


def test_what_is_locked_costs_only_the_checks_that_want_it(tmp_path: Path) -> None:
    warehouse = EmbeddedWarehouse(tmp_path)
    for path in (warehouse.link, warehouse.source):
        with duckdb.connect(str(path)) as connection:
            connection.execute("create table t as select 1 as x")
    command = [sys.executable, "-c", HOLD, str(warehouse.source)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdout.readline()
        with embedded_reading(tmp_path, with_source=False) as reading:
            assert reading.rows("select x from t") == [(1,)]
        for opened in (embedded_reading(tmp_path, with_source=True), warehouse.connect()):
            with pytest.raises(DataopsError) as refused, opened:
                pass
            told = f"{warehouse.source} is opened for writing by another program (PID {holder.pid})"
            assert refused.value.reason == told
            assert refused.value.exit_code == ExitCode.LOCKED
        holder.stdin.close()


# ---- publication


@pytest.mark.parametrize(
    ("schedule", "hours", "expected"),
    [
        (None, 100, "ok | r-1 was built 100.0 hours ago; there is no schedule | 100"),
        (
            "0 1 * * *",
            6.4,
            "ok | r-1 was built 6.4 hours ago, after it was due at 2026-11-29 01:00 UTC | 6.4 | 6.5",
        ),
        (
            "0 1 * * *",
            30.4,
            "fail | r-1 was built 30.4 hours ago; a run was due at 2026-11-29 01:00 UTC | 30.4 | 6.5",
        ),
        # It has an hour to be published.
        (
            "0 7 * * *",
            20,
            "ok | r-1 was built 20.0 hours ago, after it was due at 2026-11-28 07:00 UTC | 20 | 24.5",
        ),
        ("@continuous", 20, "ok | r-1 was built 20.0 hours ago; the schedule is @continuous | 20"),
    ],
)
def test_publication(schedule: str | None, hours: float, expected: str) -> None:
    built = (NOW - timedelta(hours=hours)).isoformat()
    generation = Generation("r-1", 1, None, None, {}, built, built)
    assert said(data_publication.judge(generation, Airflow(schedule=schedule), NOW)) == expected


# ---- totals

ONE, TWO = date(2014, 6, 29), date(2014, 6, 30)
FIRST = Day(2, 3, 4, Decimal("10.000049"))
SECOND = Day(1, 1, 1, Decimal("5"))


@pytest.mark.parametrize(
    ("source", "gold", "expected"),
    [
        (
            {ONE: FIRST, TWO: SECOND},
            {ONE: FIRST, TWO: SECOND},
            "ok | revenue 15.00 of 2 days in both | 0 | 0",
        ),
        (
            {ONE: FIRST},
            {ONE: Day(2, 3, 4, Decimal("10.0000"))},
            "ok | revenue 10.00 of 1 day in both | 0 | 0",
        ),
        # A day after the one for which gold was built.
        (
            {ONE: FIRST, date(2014, 7, 1): SECOND},
            {ONE: FIRST},
            "ok | revenue 10.00 of 1 day in both | 0 | 0",
        ),
        (
            {ONE: FIRST},
            {ONE: Day(2, 3, 4, Decimal("10.01"))},
            "fail | 2014-06-29: 2 orders, 3 lines, 4 units, 10.0000 in the source; "
            "2 orders, 3 lines, 4 units, 10.0100 in gold | 1 | 0",
        ),
        (
            {},
            {ONE: SECOND},
            "fail | 2014-06-29: 0 orders, 0 lines, 0 units, 0.0000 in the source; "
            "1 order, 1 line, 1 unit, 5.0000 in gold | 1 | 0",
        ),
        (
            {TWO: FIRST},
            {TWO: SECOND},
            "warn | 2014-06-30: 2 orders, 3 lines, 4 units, 10.0000 in the source; "
            "1 order, 1 line, 1 unit, 5.0000 in gold | 1 | 0",
        ),
        (
            {TWO: SECOND},
            {TWO: FIRST},
            "fail | 2014-06-30: 1 order, 1 line, 1 unit, 5.0000 in the source; "
            "2 orders, 3 lines, 4 units, 10.0000 in gold | 1 | 0",
        ),
    ],
)
def test_totals(source: dict[date, Day], gold: dict[date, Day], expected: str) -> None:
    assert said(totals.judge(source, gold, TWO)) == expected


# ---- tests


def record(status: str, **facts: Any) -> RunRecord:
    return RunRecord(Path("20261129T070000-0001"), {"status": status, **facts})


PASSED = NodeResult("test.small.keys.1", "pass", 0.1, None, 0, None)
WARNED = NodeResult("test.small.names.2", "warn", 0.1, None, 7, None)
BUILT = NodeResult("model.small.days", "success", 0.1, None, None, None)


@pytest.mark.parametrize(
    ("run", "results", "expected"),
    [
        (record("succeeded"), [BUILT, PASSED], "ok | 1 test of 20261129T070000-0001 passed | 0 | 0"),
        (
            record("succeeded", failures=[]),
            [PASSED, WARNED],
            "warn | test names warned on 7 rows in 20261129T070000-0001 | 1 | 0",
        ),
        (
            record(
                "failed",
                failures=[
                    {"kind": "test", "name": "keys", "failures": 1},
                    {"kind": "model", "name": "days", "failures": None},
                ],
            ),
            [],
            "fail | test keys failed on 1 row in 20261129T070000-0001 | "
            "model days failed in 20261129T070000-0001 | 2 | 0",
        ),
        (record("failed", reason="no space"), [], "fail | 20261129T070000-0001 failed: no space"),
        (record("killed"), [PASSED], "warn | 20261129T070000-0001 was killed before it had ended"),
    ],
)
def test_the_last_run(run: RunRecord, results: list[NodeResult], expected: str) -> None:
    assert said(last_run.judge(run, results)) == expected


# ---- what a manifest says


def node(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "resource_type": kind,
        "unique_id": f"{kind}.small.{name}",
        "name": name,
        "alias": name,
        "schema": "gold",
        "original_file_path": f"models/{name}.sql",
        "fqn": ["small", name],
        "tags": ["gold"],
        "config": {},
        **more,
    }


def test_a_manifest() -> None:
    nodes = [
        node(
            "model",
            "days",
            alias="gld_days__candidate",
            config={"materialized": "table", "meta": {"key": "day"}},
        ),
        node("model", "open_orders", config={"materialized": "view"}),
        node("model", "people", config={"materialized": "table"}),
        node("model", "new", config={"materialized": "table"}),
        node(
            "test",
            "unique_people",
            attached_node="model.small.people",
            column_name="person_id",
            test_metadata={"name": "unique"},
        ),
    ]
    manifest = {"nodes": {item["unique_id"]: item for item in nodes}, "sources": {}}
    built = {"days": 1, "open_orders": 1, "people": 1}
    assert [(item.place, item.is_view, item.key) for item in relations_of(manifest, built)] == [
        ("gold.gld_days", False, ("day",)),
        ("gold.open_orders", True, ()),
        ("gold.people", False, ("person_id",)),
    ]


def test_a_column_of_freshness_is_a_plain_name() -> None:
    rule = {"warn_after": {"count": 1, "period": "day"}}
    sources = [
        {"schema": "Sales", "identifier": "A", "loaded_at_field": "OrderDate", "freshness": rule},
        {"schema": "Sales", "identifier": "B", "loaded_at_field": "max(x); drop table y", "freshness": rule},
        {
            "schema": "Sales",
            "identifier": "C",
            "loaded_at_field": "At",
            "freshness": {"warn_after": {"count": None}},
        },
        {"schema": "Sales", "identifier": "D", "loaded_at_field": None, "freshness": None},
    ]
    found = sources_of({"sources": dict(enumerate(sources))})
    assert [(item.table, item.column) for item in found] == [("A", "OrderDate")]


# ---- what the container says


def test_findings_of_the_container() -> None:
    rows = {"name": "rows", "layer": "data", "result": "fail", "found": "gold.t is empty", "value": 1}
    rows |= {"threshold": 0, "remedy": "dataops run", "seconds": 0.1}
    keys = {"name": "keys", "result": "ok", "found": "", "value": None, "threshold": None, "remedy": None}
    found = findings({"checks": [rows, keys]})
    assert found["rows"].remedy == "dataops run"
    assert said(found["rows"]) == "fail | gold.t is empty | 1 | 0"
    assert said(found["keys"]) == "ok"


@pytest.mark.parametrize(
    ("command", "status", "undone"),
    [
        ("deploy 12 of op", "failed", True),
        ("rollback 3 of op", "interrupted", True),
        ("deploy 12 of op", "succeeded", False),
        ("dataops run", "failed", False),
        ("Airflow: dataops_pipeline scheduled__1", "failed", False),
    ],
)
def test_what_a_deployment_has_put_back_is_not_the_last_run(
    command: str, status: str, *, undone: bool
) -> None:
    assert record(status, command=command).is_undone is undone
