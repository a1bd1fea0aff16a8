"""The checks of the data, each shown failing for its real cause on DuckDB with AdventureWorks, and turning good again."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from health.data_looking import DATA, look, results
from support import Dataops, clean_environment

pytestmark = pytest.mark.slow

GOLD = "gold.gld_sales_summary"


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory,
    dataops: Dataops,
    new_platform: Callable[[Path], Path],
    adventureworks: Path,
) -> Path:
    """A platform with the real data published. Each test leaves it as it was."""
    folder = new_platform(tmp_path_factory.mktemp("health") / "it's a platform")
    for command in (["source", "load", "--from", adventureworks], ["run"]):
        done = dataops(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def warehouse(platform: Path) -> Path:
    return (platform / ".dataops" / "local" / "warehouse.duckdb").resolve()


@contextmanager
def changed(path: Path, *statements: str) -> Iterator[None]:
    """A file of DuckDB as somebody left it who wrote to it by hand, for the block."""
    kept = path.with_name("kept")
    shutil.copy2(path, kept)
    path.chmod(0o644)
    try:
        with duckdb.connect(str(path)) as connection:
            for statement in statements:
                connection.execute(statement)
        yield
    finally:
        kept.replace(path)


def test_a_healthy_platform(platform: Path) -> None:
    found = look(platform, *DATA)
    assert results(found) == {}
    assert {
        name: finding.found for name, finding in found.items() if name in ("relations", "rows", "keys")
    } == {
        "relations": "3 views and 6 tables",
        "rows": "163,089 rows in 6 tables",
        "keys": "6 keys whole and unique",
    }
    assert found["totals"].found == "revenue 109,846,381.40 of 1,124 days in both"
    assert "is of 2014-06-30" in found["freshness"].found
    assert found["tests"].value == 0
    assert "passed" in found["tests"].found


def test_nothing_published_yet(tmp_path: Path, new_platform: Callable[[Path], Path]) -> None:
    folder = new_platform(tmp_path / "platform")
    found = look(folder, "dbt", *DATA)
    assert results(found) == dict.fromkeys(["dbt", *DATA], "skipped") | {"relations": "fail"}
    assert (found["relations"].found, found["relations"].remedy) == (
        "nothing has been published yet",
        "Build it with: dataops run",
    )
    assert not (folder / ".dataops").exists()


@pytest.mark.parametrize(
    ("statements", "bad", "told"),
    [
        (
            ["drop table gold.gld_customer_metrics"],
            {"relations": "fail"},
            "gold.gld_customer_metrics is missing",
        ),
        (
            [
                "alter table silver.slvr_products rename to aside",
                "create view silver.slvr_products as select * from silver.aside",
            ],
            {"relations": "fail"},
            "silver.slvr_products is a view, not a table",
        ),
        (
            [
                "drop view bronze.brnz_customers",
                "create table bronze.brnz_customers as select 1 as customer_id",
            ],
            {"relations": "fail"},
            "bronze.brnz_customers is a table, not a view",
        ),
        (
            ["delete from silver.slvr_customers"],
            {"rows": "fail"},
            "silver.slvr_customers has 0 rows, and was published with 19,820",
        ),
        (
            ["delete from silver.slvr_sales_orders where sales_order_detail_id % 2 = 0"],
            {"rows": "fail"},
            "rows, and was published with 121,317",
        ),
        (
            [
                "alter table silver.slvr_customers alter customer_id drop not null",
                "update silver.slvr_customers set customer_id = null where customer_id = 11000",
            ],
            {"keys": "fail"},
            "silver.slvr_customers: 1 row without customer_id",
        ),
        (
            ["update gold.gld_product_performance set product_id = 707 where product_id = 708"],
            {"keys": "fail"},
            "gold.gld_product_performance: 1 value of product_id in more than one row",
        ),
        (
            [f"update {GOLD} set net_revenue = net_revenue + 0.01 where order_date = '2014-05-01'"],
            {"totals": "fail"},
            "2014-05-01: ",
        ),
        (
            [f"update {GOLD} set total_orders = total_orders + 1 where order_date = '2014-05-01'"],
            {"totals": "fail"},
            "2014-05-01: ",
        ),
    ],
)
def test_what_is_published_was_changed_by_hand(
    platform: Path, statements: list[str], bad: dict[str, str], told: str
) -> None:
    with changed(warehouse(platform), *statements):
        found = look(platform, *DATA)
    assert results(found) == bad
    ((name, _result),) = bad.items()
    assert told in found[name].found
    assert found[name].value == 1
    assert "dataops run" in found[name].remedy
    assert results(look(platform, *DATA)) == {}


def test_the_source_was_changed_since(platform: Path) -> None:
    source = platform / ".dataops" / "local" / "source.duckdb"
    order = 'select SalesOrderID from "Sales"."SalesOrderHeader" where OrderDate = \'{}\' limit 1'
    line = 'delete from "Sales"."SalesOrderDetail" where SalesOrderID = (' + order + ")"
    with changed(source, line.format("2013-01-15")):
        found = look(platform, *DATA)
        assert results(found) == {"totals": "fail"}
        assert found["totals"].found.startswith("2013-01-15: ")
    more = [
        'insert into "Sales"."SalesOrderHeader" select * replace (99999 as SalesOrderID) from '
        f'"Sales"."SalesOrderHeader" where SalesOrderID = ({order.format("2014-06-30")})',
        'insert into "Sales"."SalesOrderDetail" select * replace (99999 as SalesOrderID, 999999 as '
        f'SalesOrderDetailID) from "Sales"."SalesOrderDetail" where SalesOrderID = ({order.format("2014-06-30")})',
    ]
    with changed(source, *more):  # as a live source has it in the course of a day
        found = look(platform, *DATA)
        assert results(found) == {"totals": "warn"}
        assert "dataops run" in found["totals"].remedy
    assert results(look(platform, *DATA)) == {}


def test_stale_orders(platform: Path) -> None:
    strict = {"DATAOPS_FRESHNESS__WARN_AFTER_DAYS": "1", "DATAOPS_FRESHNESS__ERROR_AFTER_DAYS": "2"}
    found = look(platform, *DATA, **strict)
    assert results(found) == {"freshness": "fail"}
    assert "is of 2014-06-30" in found["freshness"].found
    assert found["freshness"].threshold == 2
    assert found["freshness"].remedy == "Load newer orders into the source, then publish them: dataops run"
    source = platform / ".dataops" / "local" / "source.duckdb"
    today = [
        f'update "Sales"."{table}" set {column} = current_date where {column} = \'2014-06-30\''
        for table, column in (("SalesOrderHeader", "OrderDate"), ("SalesOrderDetail", "ModifiedDate"))
    ]
    with changed(source, *today):
        found = look(platform, "freshness", **strict)
    assert results(found) == {}
    assert found["freshness"].value < 1.1


def test_without_a_source(platform: Path) -> None:
    source = platform / ".dataops" / "local" / "source.duckdb"
    aside = source.rename(source.with_name("aside"))
    try:
        found = look(platform, *DATA)
    finally:
        aside.rename(source)
    assert results(found) == {"totals": "fail", "freshness": "fail"}
    assert found["totals"].found == "There is no source data yet"
    assert "dataops source load" in found["totals"].remedy


def test_somebody_writes_to_the_file(platform: Path) -> None:
    path = warehouse(platform)
    path.chmod(0o644)
    code = (
        f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        found = look(platform, "rows")
        writer.communicate("")
    path.chmod(0o444)
    assert results(found) == {"rows": "fail"}
    assert found["rows"].found.endswith(f"is opened for writing by another program (PID {writer.pid})")
    assert results(look(platform, "rows")) == {}


def test_no_record_of_the_run(platform: Path) -> None:
    runs = platform / ".dataops" / "local" / "runs"
    aside = runs.rename(runs.with_name("aside"))
    try:
        found = look(platform, *DATA)
    finally:
        aside.rename(runs)
    assert set(results(found).values()) == {"skipped"}
    assert found["relations"].remedy == "Publish a new one: dataops run"
    assert found["publication"].result == "ok"


def test_a_late_publication(platform: Path) -> None:
    late = {"DATAOPS_AIRFLOW__SCHEDULE": "* * * * *", "DATAOPS_AIRFLOW__LATE_AFTER_MINUTES": "1"}
    built = (
        platform / ".dataops" / "local" / "generations" / warehouse(platform).parent.name / "generation.json"
    )
    text = built.read_text()
    built.write_text(text.replace('"built_at": "20', '"built_at": "19'))
    try:
        found = look(platform, *DATA, **late)
    finally:
        built.write_text(text)
    assert results(found) == {"publication": "fail"}
    assert "a run was due at" in found["publication"].found
    assert found["publication"].remedy.startswith("See what became of the runs: dataops airflow runs")
    assert results(look(platform, "publication", DATAOPS_AIRFLOW__SCHEDULE="@yearly")) == {}


def test_a_broken_profile(platform: Path) -> None:
    profiles = platform / "dbt" / "profiles.yml"
    text = profiles.read_text()
    profiles.write_text(text.replace("    duckdb:\n", "    duck:\n"))
    found = look(platform, "dbt", "dbt-versions")
    assert results(found) == {"dbt": "fail"}
    assert "does not have a target named 'duckdb'" in found["dbt"].found
    assert "dataops dbt debug" in found["dbt"].remedy
    profiles.write_text(text)
    found = look(platform, "dbt", *DATA)
    assert results(found) == {}
    assert found["dbt"].found.endswith("reaches the warehouse")


def test_another_version_of_dbt(platform: Path) -> None:
    requirements = platform / "dbt" / "requirements.txt"
    text = requirements.read_text()
    requirements.write_text(text.replace("dbt-duckdb==1.", "dbt-duckdb==0."))
    found = look(platform, "dbt-versions")
    assert results(found) == {"dbt-versions": "warn"}
    assert "dbt-duckdb is 1." in found["dbt-versions"].found
    requirements.write_text(text)
    assert results(look(platform, "dbt-versions")) == {}


def test_a_failed_test_and_half_the_orders(platform: Path, dataops: Dataops) -> None:
    """Looked at while runs go on, which neither disturb the checks nor are disturbed by them."""
    first = warehouse(platform).parent.name
    failing = platform / "dbt" / "tests" / "gold" / "nobody.sql"
    failing.write_text("select product_id from {{ ref('gld_product_performance') }}\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "run", "--vars", "as_of_date: 2012-06-30"],
        cwd=platform,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    looks = 0
    while process.poll() is None:
        found = look(platform, *DATA)
        assert set(results(found)) <= {"tests"}  # its record is there before it has ended
        looks += 1
        time.sleep(0.5)
    assert process.communicate()[0]
    assert process.returncode == 1
    assert looks > 3
    found = look(platform, *DATA)
    assert results(found) == {"tests": "fail"}
    assert found["tests"].found.startswith("test nobody failed on 504 rows in ")
    assert found["tests"].remedy.endswith("dataops run --retry")

    failing.write_text(
        "select product_id from {{ ref('gld_product_performance') }} where product_id is null\n"
    )
    retried = dataops("run", "--retry", cwd=platform)
    assert retried.returncode == 0, retried.stderr
    assert warehouse(platform).parent.name != first
    found = look(platform, *DATA)
    assert results(found) == {"rows": "fail"}
    lines = found["rows"].found.splitlines()
    assert lines[-1].startswith("gold.gld_sales_summary has ")
    assert lines[-1].endswith("less than half of the usual 1,124")
    assert "dataops generations list" in found["rows"].remedy

    failing.unlink()
    back = dataops("generations", "publish", first, cwd=platform)
    assert back.returncode == 0, back.stderr
    assert results(look(platform, *DATA)) == {}


def test_nothing_is_left_behind(platform: Path) -> None:
    folder = platform / ".dataops" / "local"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    look(platform, "dbt", "dbt-versions", *DATA)
    changed_since = {path for path in folder.rglob("*") if path.stat().st_mtime_ns != before.get(path)}
    assert not {path for path in changed_since if path.name != "lock" and path != folder}
