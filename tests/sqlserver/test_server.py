"""The whole path on a T-SQL server over TDS: set up, load, run, publish, step back, kill and resume, two at once.

Runs unchanged on a SQL Server (DATAOPS_TEST_SQLSERVER, see conftest) and, without one, on the stand-in.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sqlserver.conftest import ADDRESS, ENVIRONMENT, TsqlPlatform
from support import clean_environment, until

pytestmark = [] if os.environ.get(ADDRESS) else [pytest.mark.engine]

# The nine relations with their keys.
RELATIONS = {
    "bronze.brnz_sales_orders": "sales_order_detail_id",
    "bronze.brnz_customers": "customer_id",
    "bronze.brnz_products": "product_id",
    "silver.slvr_sales_orders": "sales_order_detail_id",
    "silver.slvr_customers": "customer_id",
    "silver.slvr_products": "product_id",
    "gold.gld_sales_summary": "order_date",
    "gold.gld_customer_metrics": "customer_id",
    "gold.gld_product_performance": "product_id",
}
# Those of the small platform.
SMALL = ("bronze.orders", "silver.customers", "gold.days")


@pytest.fixture(scope="module")
def published(tsql: TsqlPlatform) -> str:
    """A generation of the small source."""
    return str(tsql.done("run")["run_id"])


def start(platform: TsqlPlatform, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", *arguments],
        cwd=platform.folder,
        env=clean_environment(DATAOPS_ENV=ENVIRONMENT, **platform.secrets),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )


@contextmanager
def reading(platform: TsqlPlatform) -> Iterator[None]:
    """A query of BI that goes on: it keeps a table from being renamed, and so a run from being published."""
    with platform.connect("reader") as reader:
        cursor = reader.cursor()
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("BEGIN TRANSACTION")
        cursor.execute("SELECT COUNT(*) FROM gold.days")
        cursor.fetchall()
        yield
        cursor.execute("ROLLBACK TRANSACTION")


@contextmanager
def reading_source(platform: TsqlPlatform) -> Iterator[None]:
    """As `reading`, of the source: it keeps a load from being switched in."""
    with platform.connect(database=platform.source) as reader:
        reader.execute("BEGIN TRANSACTION; SELECT TOP 1 1 FROM Sales.Customer WITH (HOLDLOCK, TABLOCK)")
        yield


def counts(platform: TsqlPlatform) -> dict[str, int]:
    return {name: platform.rows(f"SELECT COUNT(*) FROM {name}")[0][0] for name in SMALL}


# ---- set-up


def test_grants_again_change_nothing_and_show_no_secret(tsql: TsqlPlatform) -> None:
    shown = tsql.run("source", "grants", "--plan")
    assert shown.returncode == 0
    assert not any(secret in shown.stdout for secret in tsql.secrets.values())
    before = tsql.rows("SELECT name FROM sys.schemas ORDER BY name")
    again = tsql.run("source", "grants")
    assert again.returncode == 0, again.stderr
    assert not any(secret in again.stdout + again.stderr for secret in tsql.secrets.values())
    assert tsql.rows("SELECT name FROM sys.schemas ORDER BY name") == before


def test_doctor_greets_the_server(tsql: TsqlPlatform) -> None:
    checks = {check["name"]: check for check in tsql.done("doctor")["checks"]}
    assert checks["passwords"]["found"] == "set"
    answer = f"{tsql.address.host}:{tsql.address.port} answers {tsql.build_user}, version "
    assert checks["SQL Server"]["found"].startswith(answer)
    nowhere = tsql.run("doctor", DATAOPS_WAREHOUSE__DATABASE="nowhere")
    assert nowhere.returncode == 1
    assert "→ SQL Server: Check warehouse.database, or make it" in nowhere.stdout


def test_a_wrong_password(tsql: TsqlPlatform) -> None:
    refused = tsql.run("run", DATAOPS_WAREHOUSE__PASSWORD="Wrong-password-1")  # noqa: S106
    assert refused.returncode == 3
    assert "refused the login" in refused.stderr
    assert "Wrong-password-1" not in refused.stdout + refused.stderr


def test_a_load_again_replaces_all_seven(tsql: TsqlPlatform) -> None:
    totals = tsql.done("source", "generate", "--scale", "0.02")
    for table, rows in totals["tables"].items():
        assert tsql.rows(f"SELECT COUNT(*) FROM {table}", database=tsql.source) == [(rows,)]
    (line_total,) = tsql.rows("SELECT SUM(LineTotal) FROM Sales.SalesOrderDetail", database=tsql.source)[0]
    assert line_total == Decimal(totals["totals"]["line_total"])
    left = tsql.rows("SELECT name FROM sys.tables WHERE name LIKE '%loading'", database=tsql.source)
    assert left == []


def loading(tsql: TsqlPlatform) -> int:
    found = tsql.rows("SELECT COUNT(*) FROM sys.tables WHERE name LIKE '%loading'", database=tsql.source)
    return int(found[0][0])


def test_a_load_killed_half_way_leaves_the_source_and_the_next_cleans_up(tsql: TsqlPlatform) -> None:
    before = tsql.rows("SELECT COUNT(*) FROM Sales.SalesOrderDetail", database=tsql.source)
    with reading_source(tsql):
        process = start(tsql, "source", "generate", "--scale", "0.3")
        until(lambda: loading(tsql) == 7)
        process.kill()
        process.communicate()
    assert loading(tsql) == 7
    assert tsql.rows("SELECT COUNT(*) FROM Sales.SalesOrderDetail", database=tsql.source) == before
    tsql.done("source", "generate", "--scale", "0.02")
    assert loading(tsql) == 0
    assert tsql.rows("SELECT COUNT(*) FROM Sales.SalesOrderDetail", database=tsql.source) == before


@pytest.mark.parametrize("tables", [1, 7])
def test_a_load_interrupted_leaves_nothing(tsql: TsqlPlatform, tables: int) -> None:
    with reading_source(tsql):
        process = start(tsql, "source", "generate", "--scale", "0.3")
        until(lambda: loading(tsql) >= tables)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "error: Interrupted\n" in output
    assert loading(tsql) == 0


def test_a_load_that_finds_no_moment_leaves_nothing_also_when_interrupted(tsql: TsqlPlatform) -> None:
    with reading_source(tsql):
        refused = tsql.run("source", "generate", "--scale", "0.02", DATAOPS_WAREHOUSE__PUBLISH_TIMEOUT="1")
        assert refused.returncode == 1, refused.stderr
        assert "Lock request time out" in refused.stderr
        assert loading(tsql) == 0
        process = start(tsql, "source", "generate", "--scale", "0.02")
        until(lambda: loading(tsql) == 7)
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 130, output
        assert "error: Interrupted\n" in output
    assert loading(tsql) == 0


def test_generate_if_missing_finds_a_source(tsql: TsqlPlatform) -> None:
    found = tsql.run("source", "generate", "--if-missing")
    assert found.returncode == 0
    assert "There is a source already" in found.stderr


# ---- run and publish


def test_a_run_publishes(tsql: TsqlPlatform, published: str) -> None:
    assert published == tsql.current()
    assert tsql.objects() == set(SMALL)
    assert all(counts(tsql).values())
    assert tsql.done("runs", "show", published)["status"] == "succeeded"


def test_readers_read_silver_and_gold_and_nothing_else(tsql: TsqlPlatform, published: str) -> None:
    import pyodbc

    for name in SMALL[1:]:
        assert tsql.rows(f"SELECT COUNT(*) FROM {name}", "reader")[0][0] > 0
    for statement in (
        "SELECT COUNT(*) FROM bronze.orders",
        "DELETE FROM gold.days",
        "SELECT COUNT(*) FROM dataops.generation",
        "CREATE TABLE gold.mine (n int)",
    ):
        with pytest.raises(pyodbc.Error):
            tsql.execute(statement, "reader")


def test_a_reader_sees_the_old_rows_or_the_new_ones(tsql: TsqlPlatform, published: str) -> None:
    import pyodbc

    before = counts(tsql)["gold.days"]
    stop, seen, faults = threading.Event(), set[int](), list[str]()

    def read() -> None:
        with tsql.connect("reader") as connection:
            while not stop.is_set():
                try:
                    seen.add(connection.execute("SELECT COUNT(*) FROM gold.days").fetchval())
                except pyodbc.Error as error:
                    faults.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        until(lambda: seen or faults)
        run = tsql.done("run", "--vars", "{as_of_date: 2013-06-30}")
        after = counts(tsql)["gold.days"]
        until(lambda: after in seen or faults)
    finally:
        stop.set()
        reader.join()
    assert after < before
    assert faults == []
    assert seen == {before, after}
    assert run["published"]


def test_stepping_back_and_forth(tsql: TsqlPlatform) -> None:
    tsql.done("run")
    whole, first = counts(tsql), tsql.current()
    tsql.done("run", "--vars", "{as_of_date: 2013-06-30}")
    part, second = counts(tsql), tsql.current()
    assert part != whole
    assert tsql.done("generations", "publish", first)["changed"]
    assert (counts(tsql), tsql.current()) == (whole, first)
    assert tsql.rows("SELECT COUNT(*) FROM gold.days", "reader")[0][0] > 0
    tsql.done("generations", "publish", second)
    assert (counts(tsql), tsql.current()) == (part, second)
    tsql.done("generations", "publish", first)
    not_kept = tsql.run("generations", "publish", "20000101T000000-0001")
    assert not_kept.returncode == 5


def test_generations_are_kept_as_set(tsql: TsqlPlatform) -> None:
    for _ in range(3):
        tsql.done("run", "--select", "days")
    kept = tsql.done("generations", "list")
    assert len(kept) == 3
    # Those of which only one table was built share the others.
    names = {name for name in tsql.objects() if name.startswith("silver.customers")}
    assert len(names) <= 2
    assert "silver.customers" in names
    assert sum(name.startswith("gold.days") for name in tsql.objects()) == 3


# ---- what fails


def test_a_failed_test_publishes_nothing_and_is_continued(tsql: TsqlPlatform) -> None:
    tsql.done("run")
    before, current = counts(tsql), tsql.current()
    test = tsql.folder / "dbt" / "tests" / "gold" / "no_day_is_good.sql"
    test.parent.mkdir(parents=True, exist_ok=True)
    test.write_text("select * from {{ ref('days') }}", encoding="utf-8")
    try:
        failed = tsql.run("run")
        assert failed.returncode == 1, failed.stdout + failed.stderr
        assert "no_day_is_good" in failed.stdout + failed.stderr
        assert (counts(tsql), tsql.current()) == (before, current)
        test.write_text("select * from {{ ref('days') }} where 1 = 0", encoding="utf-8")
        retried = tsql.done("run", "--retry")
    finally:
        test.unlink()
    assert retried["published"]
    assert tsql.current() == retried["run_id"]
    assert not any("candidate" in name for name in tsql.objects())


def test_a_failed_run_is_not_continued_on_another_source(tsql: TsqlPlatform) -> None:
    test = tsql.folder / "dbt" / "tests" / "gold" / "no_day_is_good.sql"
    test.parent.mkdir(parents=True, exist_ok=True)
    test.write_text("select * from {{ ref('days') }}", encoding="utf-8")
    try:
        assert tsql.run("run").returncode == 1
    finally:
        test.unlink()
    tsql.done("source", "generate", "--scale", "0.02")
    refused = tsql.run("run", "--retry")
    assert refused.returncode == 5, refused.stdout + refused.stderr
    assert "the source was loaded anew since" in refused.stderr
    assert tsql.done("run")["published"]


def test_a_load_waits_for_a_run(tsql: TsqlPlatform, published: str) -> None:
    """Bronze are views on the source: a run must not find another one in its middle."""
    load = ("source", "generate", "--scale", "0.02")
    before = tsql.rows("SELECT OBJECT_ID(N'Sales.SalesOrderDetail')", database=tsql.source)
    with tsql.connect("build") as run:
        run.execute("EXEC sp_getapplock N'dataops_run', N'Exclusive', N'Session', 0")
        refused = tsql.run(*load)
        assert refused.returncode == 4, refused.stdout + refused.stderr
        assert "The warehouse is in use by" in refused.stderr
        assert "rows" not in refused.stderr  # neither made nor sent
        assert tsql.rows("SELECT OBJECT_ID(N'Sales.SalesOrderDetail')", database=tsql.source) == before
        process = start(tsql, *load, "--lock-wait", "5m")
        time.sleep(4)
        assert process.poll() is None
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output


@pytest.mark.parametrize("layer", ["bronze", "silver", "gold"])
def test_a_run_killed_leaves_what_is_published_and_the_next_cleans_up(tsql: TsqlPlatform, layer: str) -> None:
    tsql.done("run")
    before, current = counts(tsql), tsql.current()
    with reading(tsql):
        process = start(tsql, "run")
        until(lambda: any(f"{layer}." in name and "candidate" in name for name in tsql.objects()))
        process.kill()
        process.communicate()
    assert (counts(tsql), tsql.current()) == (before, current)
    resumed = tsql.run("run", "--retry")
    if resumed.returncode:
        assert resumed.returncode == 5, resumed.stderr  # killed before it had built anything
        tsql.done("run")
    assert tsql.current() != current
    assert not any("candidate" in name for name in tsql.objects())


def test_two_runs_at_once(tsql: TsqlPlatform, tmp_path: Path) -> None:
    """On one server from two folders, as from two machines: the lock is the warehouse's."""
    import shutil

    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(tsql.folder, elsewhere, ignore=shutil.ignore_patterns(".dataops"))
    other = TsqlPlatform(elsewhere, tsql.address, tsql.dataops)
    with reading(tsql):
        first = start(tsql, "run", "--json")
        until(lambda: any("candidate" in name for name in tsql.objects()))
        refused = other.run("run")
    assert refused.returncode == 4, refused.stderr
    assert "in use by `dataops run --json`" in refused.stderr
    waited = other.done("run", "--lock-wait", "5m")
    output, _ = first.communicate()
    assert first.returncode == 0, output
    assert waited["published"]
    assert other.current() == waited["run_id"]


def test_a_long_query_of_a_reader_is_given_way_to(tsql: TsqlPlatform) -> None:
    tsql.done("run")
    before = tsql.current()
    with reading(tsql):
        late = tsql.run("run", DATAOPS_WAREHOUSE__PUBLISH_TIMEOUT="3")
        assert late.returncode == 4, late.stdout + late.stderr
        assert "Other sessions left no moment" in late.stderr
        process = start(tsql, "run", "--retry")
        time.sleep(8)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 130, output
        assert "error: Interrupted" in output
        assert tsql.rows("SELECT COUNT(*) FROM gold.days", "reader")[0][0] > 0
    assert tsql.current() == before
    assert tsql.done("run", "--retry")["published"]


def test_a_run_that_lost_its_lock_publishes_nothing(tsql: TsqlPlatform) -> None:
    tsql.done("run")
    before = tsql.current()
    with reading(tsql):
        process = start(tsql, "run")
        until(lambda: any("gold." in name and "candidate" in name for name in tsql.objects()))
        tsql.execute("UPDATE dataops.lease SET number = number + 1")
        output, _ = process.communicate(timeout=600)
    assert process.returncode == 4, output
    assert "no longer holds the lock" in output
    assert tsql.current() == before


def test_a_run_that_lost_its_lock_touches_no_candidate(tsql: TsqlPlatform) -> None:
    """dbt has sessions of its own, which the lock's end does not end."""
    tsql.done("run")
    with reading(tsql):
        process = start(tsql, "run")
        until(lambda: any("bronze." in name and "candidate" in name for name in tsql.objects()))
        tsql.execute("UPDATE dataops.lease SET number = number + 1")
        output, _ = process.communicate(timeout=600)
    assert process.returncode == 4, output
    assert "no longer holds the lock" in output
    number = tsql.rows("SELECT number FROM dataops.lease")[0][0]
    for lease, ends in ((number - 1, 1), (number, 0)):
        built = subprocess.run(
            [sys.executable, "-m", "dbt.cli.main", "run", "--select", "customers", "--profiles-dir", "."],
            cwd=tsql.folder / "dbt",
            env=clean_environment(**dbt_variables(tsql, lease)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == ends, built.stdout
        assert ("Another run holds the lock of the warehouse now" in built.stdout) == bool(ends)


def dbt_variables(platform: TsqlPlatform, lease: int) -> dict[str, str]:
    from dataops_cli.project import Project
    from dataops_cli.settings.load import load_environment
    from dataops_cli.warehouse.sqlserver.connection import Server
    from dataops_cli.warehouse.sqlserver.profile import dbt_environment
    from dataops_cli.warehouse.sqlserver.switch import CANDIDATE

    with pytest.MonkeyPatch.context() as patch:
        for name, value in platform.secrets.items():
            patch.setenv(name, value)
        settings = load_environment(Project(platform.folder), ENVIRONMENT, {}).settings
    return dbt_environment(Server(settings), CANDIDATE, lease)


def test_a_run_in_steps(tsql: TsqlPlatform, tmp_path: Path) -> None:
    """As Airflow's tasks do it; between two of them the lock is kept for the run."""
    before = tsql.current()
    steps = ("freshness", "bronze", "silver", "gold", "publish", "documentation")
    for number, step in enumerate(steps):
        so_far = ["--so-far", tmp_path / f"{steps[number - 1]}.json"] if number else []
        ended = tsql.run("step", step, "--out", tmp_path / f"{step}.json", *so_far)
        assert ended.returncode == 0, ended.stderr
        if step == "silver":
            refused = tsql.run("run")
            assert refused.returncode == 4, refused.stderr
            assert "between two of its steps" in refused.stderr
            assert tsql.current() == before
    run_id = json.loads((tmp_path / "publish.json").read_text(encoding="utf-8"))["run"]["run_id"]
    assert tsql.current() == run_id
    catalog = json.loads(
        (tsql.folder / ".dataops" / ENVIRONMENT / "runs" / run_id / "catalog.json").read_text()
    )
    assert {node["metadata"]["name"] for node in catalog["nodes"].values()} == {"orders", "customers", "days"}
    assert tsql.done("run")["published"]


# ---- looking


def test_sql(tsql: TsqlPlatform, published: str) -> None:
    rows = tsql.done("sql", "select top 2 order_date, total_due from gold.days order by 1")
    assert [set(row) for row in rows] == [{"order_date", "total_due"}] * 2
    refused = tsql.run("sql", "delete from gold.days")
    assert refused.returncode == 1
    assert "permission" in refused.stderr.lower()


def test_dbt_works_beside_what_is_published(tsql: TsqlPlatform, published: str) -> None:
    before, current = counts(tsql), tsql.current()
    built = tsql.run("dbt", "run", "--select", "customers", "--vars", "{as_of_date: 2013-06-30}")
    assert built.returncode == 0, built.stdout + built.stderr
    assert (counts(tsql), tsql.current()) == (before, current)
    (scratch,) = tsql.rows("SELECT COUNT(*) FROM silver.customers__scratch")[0]
    assert scratch != before["silver.customers"]


# ---- the same rows as DuckDB


@pytest.fixture(scope="module")
def both(
    new_tsql_platform: Callable[[Path], TsqlPlatform],
    adventureworks: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> TsqlPlatform:
    """The nine models on the real data, built on the server and in DuckDB."""
    platform = new_tsql_platform(tmp_path_factory.mktemp("both") / "platform")
    for environment in (ENVIRONMENT, "local"):
        loaded = platform.run("source", "load", "--from", adventureworks, DATAOPS_ENV=environment)
        assert loaded.returncode == 0, loaded.stderr
        ran = platform.run("run", DATAOPS_ENV=environment)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    assert platform.objects() == set(RELATIONS)
    return platform


@pytest.mark.parametrize("name", RELATIONS)
def test_the_rows_are_those_of_duckdb(both: TsqlPlatform, name: str) -> None:
    import duckdb

    key = RELATIONS[name]
    home = both.folder / ".dataops" / "local"
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute(f"ATTACH '{home / 'source.duckdb'}' AS AdventureWorks2014 (READ_ONLY)")
        cursor = connection.execute(f"SELECT * FROM {name} ORDER BY {key}")
        columns = [column[0] for column in cursor.description]
        expected = cursor.fetchall()
    selected = ", ".join(f"[{column}]" for column in columns)
    found = both.rows(f"SELECT {selected} FROM {name} ORDER BY {key}")
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert [plain(value) for value in ours] == [plain(value) for value in theirs], json.dumps(
            [str(value) for value in (*ours, *theirs)]
        )


def plain(value: Any) -> Any:
    """Decimals without their scale, flags as whole numbers."""
    if isinstance(value, bool):
        return int(value)
    return value.normalize() if isinstance(value, Decimal) else value
