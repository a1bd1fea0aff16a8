"""`dataops run` as its users meet it: what it publishes, what it refuses, what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dataops_cli.pipeline.offending import MASK
from support import Dataops, clean_environment, killed_after

pytestmark = pytest.mark.slow


def run_json(dataops: Dataops, platform: Path, *arguments: object, **variables: str) -> tuple[int, Any]:
    done = dataops("run", "--json", *arguments, cwd=platform, **variables)
    return done.returncode, json.loads(done.stdout)


def published(platform: Path) -> str:
    """The run whose rows consumers read."""
    return (platform / ".dataops" / "local" / "warehouse.duckdb").readlink().parent.name


def orders_by_day(platform: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(
        str(platform / ".dataops" / "local" / "warehouse.duckdb"), read_only=True
    ) as connection:
        return connection.execute("select * from gold.days order by 1").fetchall()


@contextmanager
def edited(path: Path, old: str, new: str) -> Iterator[None]:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    try:
        yield
    finally:
        path.write_text(text)


def begin(platform: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "run", *arguments],
        cwd=platform,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def started(platform: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run in the background, which pauses where dbt has opened its candidate, until SIGCONT."""
    candidate = platform / ".dataops" / "local" / "candidate"

    def owner() -> str | None:
        try:
            return str(json.loads((candidate / "candidate.json").read_text())["run_id"])
        except FileNotFoundError:
            return None

    before = owner()
    process = begin(platform, *arguments)
    try:
        deadline = time.monotonic() + 120
        while owner() in (None, before) or not (candidate / "warehouse.duckdb").exists():
            assert process.poll() is None, "the run was over before it was seen"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGSTOP)
        assert process.poll() is None, "the run was over before it was paused"
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_run_builds_tests_and_publishes(dataops_here: Dataops, platform: Path) -> None:
    code, document = run_json(dataops_here, platform)
    assert code == 0
    assert document["published"] is True
    assert published(platform) == document["run_id"]
    assert [row["model"] for row in document["models"]] == [
        "orders",
        "people",
        "customers",
        "best_customers",
        "days",
    ]
    assert all(row["rows"] and row["status"] == "success" for row in document["models"])
    assert document["tests"] == {"run": 6, "passed": 6}
    assert document["as_of_date"] == str(orders_by_day(platform)[-1][0])


def test_its_lines_and_table(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("run", "--layer", "gold", cwd=platform)
    assert done.returncode == 0
    assert "  success gold   table days  " in done.stderr
    assert "  pass    gold   test  unique_days_order_date  " in done.stderr
    header, _rule, *rows = done.stdout.strip().splitlines()
    assert header.split() == ["model", "rows", "seconds", "passed", "failed", "warned", "skipped"]
    assert [row.split()[0] for row in rows[:2]] == ["best_customers", "days"]
    assert rows[-1].startswith("Published ")


def test_quiet_leaves_the_result(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("run", "--quiet", "--select", "days", cwd=platform)
    assert done.stderr == ""
    assert "Published" in done.stdout


def test_a_plan_changes_nothing(dataops_here: Dataops, platform: Path) -> None:
    before = published(platform), sorted((platform / ".dataops/local/runs").iterdir())
    done = dataops_here("run", "--plan", cwd=platform)
    assert done.returncode == 0
    assert "build and test gold: 2 tables, 2 tests (best_customers, days)  [selected]" in done.stdout
    assert (published(platform), sorted((platform / ".dataops/local/runs").iterdir())) == before


def test_a_failed_test_shows_rows_and_publishes_nothing(dataops_here: Dataops, platform: Path) -> None:
    before = published(platform)
    model = platform / "dbt/models/bronze/orders.sql"
    with edited(model, "SalesOrderID as order_id", "cast(SalesOrderID / 2 as int) as order_id"):
        done = dataops_here("run", cwd=platform)
        assert done.returncode == 1
        assert published(platform) == before
        assert re.search(r"failed test unique_orders_order_id: \d+ rows break it\n", done.stdout)
        assert "n_records" in done.stdout
        compiled = next(line for line in done.stdout.splitlines() if "compiled SQL: " in line)
        assert "order_id" in (platform / compiled.split(": ", 1)[1]).read_text()
        assert "  → Mend the model or test, then continue from there: dataops run --retry" in done.stdout
        assert "silver" not in done.stderr  # the next layer did not begin
    code, document = run_json(dataops_here, platform, "--retry")
    assert code == 0
    assert published(platform) == document["run_id"] != before


def test_a_retry_runs_only_what_is_left(dataops_here: Dataops, platform: Path) -> None:
    model = platform / "dbt/models/gold/best_customers.sql"
    with edited(model, "select customer_id", "select -customer_id as customer_id"):
        code, document = run_json(dataops_here, platform)
        assert code == 1
        assert [failure["name"] for failure in document["failures"]] == [
            "relationships_best_customers_customer_id__customer_id__ref_customers_"
        ]
    done = dataops_here("run", "--retry", cwd=platform)
    assert done.returncode == 0
    ran = [line.split()[3] for line in done.stderr.splitlines() if line.startswith(("  success", "  pass"))]
    assert ran[0] == "best_customers"
    assert len(ran) == 2
    assert "Published" in done.stdout


def test_a_retry_builds_changed_models_again(dataops_here: Dataops, platform: Path) -> None:
    gold = platform / "dbt/models/gold/best_customers.sql"
    with edited(gold, "select customer_id", "select -customer_id as customer_id"):
        assert dataops_here("run", cwd=platform).returncode == 1
    with edited(platform / "dbt/models/silver/customers.sql", "count(*)", "count(*) + 0"):
        done = dataops_here("run", "--retry", cwd=platform)
        assert done.returncode == 0
        assert "success silver table customers" in done.stderr


def test_a_retry_without_a_failure_is_refused(dataops_here: Dataops, platform: Path) -> None:
    assert dataops_here("run", "--select", "days", cwd=platform).returncode == 0
    done = dataops_here("run", "--retry", cwd=platform)
    assert done.returncode == 5
    assert "There is no failed run to retry" in done.stderr


def test_personal_data_is_masked(dataops_here: Dataops, platform: Path) -> None:
    code, document = run_json(dataops_here, platform, "--vars", "{strict_names: true}")
    assert code == 1
    (failure,) = document["failures"]
    assert failure["rows"]
    assert all(MASK in row.values() for row in failure["rows"])
    with duckdb.connect(str(platform / ".dataops/local/source.duckdb"), read_only=True) as connection:
        names = {
            row[0] for row in connection.execute("select distinct FirstName from Person.Person").fetchall()
        }
    run = platform / ".dataops/local/runs" / document["run_id"]
    recorded = (run / "run.json").read_text() + (run / "dbt.log").read_text() + json.dumps(document)
    assert not [name for name in names if f'"{name}"' in recorded or f"'{name}'" in recorded]


def test_a_model_that_cannot_be_built(dataops_here: Dataops, platform: Path) -> None:
    before = published(platform)
    with edited(platform / "dbt/models/gold/days.sql", "count(*)", "count(nothing)"):
        done = dataops_here("run", "--layer", "gold", cwd=platform)
    assert done.returncode == 1
    assert "failed model days: " in done.stdout
    assert '"nothing" not found' in done.stdout
    assert published(platform) == before


def test_fail_fast_stops_at_the_first_failure(dataops_here: Dataops, platform: Path) -> None:
    before = published(platform)
    with edited(platform / "dbt/models/bronze/orders.sql", "SalesOrderID as", "nothing as"):
        code, document = run_json(dataops_here, platform, "--fail-fast", "--threads", 1)
    assert code == 1
    assert [failure["name"] for failure in document["failures"]] == ["orders"]
    assert {row["status"] for row in document["models"] if row["model"] != "orders"} <= {"success", "skipped"}
    assert published(platform) == before


def test_a_value_that_cannot_be_converted_is_not_shown(dataops_here: Dataops, platform: Path) -> None:
    model = platform / "dbt/models/silver/customers.sql"
    with edited(model, "select customer_id", "select cast('Ada Lovelace' as integer) as customer_id"):
        done = dataops_here("run", "--layer", "silver", cwd=platform)
    assert done.returncode == 1
    assert "Could not convert string '•••'" in done.stdout
    assert "Lovelace" not in done.stdout + done.stderr


def test_a_broken_project_is_a_usage_error_with_its_file(dataops_here: Dataops, platform: Path) -> None:
    with edited(platform / "dbt/models/gold/days.sql", "{{ ref('orders') }}", "{{ ref('ordres') }}"):
        done = dataops_here("run", cwd=platform)
    assert done.returncode == 2
    assert "days.sql" in done.stderr
    assert "'ordres'" in done.stderr


def test_a_model_in_no_layer_is_refused(dataops_here: Dataops, platform: Path) -> None:
    model = platform / "dbt/models/stray.sql"
    model.write_text("select 1 as id")
    try:
        done = dataops_here("run", cwd=platform)
    finally:
        model.unlink()
    assert done.returncode == 2
    assert "dbt/models/stray.sql: the model stray is in no layer" in done.stderr


def test_a_stale_source_stops_the_run(dataops_here: Dataops, platform: Path) -> None:
    before = published(platform)
    stale = {"DATAOPS_FRESHNESS__WARN_AFTER_DAYS": "1", "DATAOPS_FRESHNESS__ERROR_AFTER_DAYS": "2"}
    done = dataops_here("run", cwd=platform, **stale)
    assert done.returncode == 1
    assert "error: Source sales.SalesOrderHeader is too old (latest 2014-" in done.stderr
    assert "change [freshness] in environments/local.toml" in done.stderr
    assert published(platform) == before
    done = dataops_here("run", cwd=platform, **stale | {"DATAOPS_FRESHNESS__ERROR_AFTER_DAYS": "36500"})
    assert done.returncode == 0
    assert "warning: source sales.SalesOrderHeader is stale" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["--select", "nonsense"], 2, "The selection matches no model"),
        (["--layer", "platinum"], 2, "There is no layer platinum"),
        (["--vars", "{as_of_dat: 2014-01-01}"], 2, "--vars: the dbt project declares no variable as_of_dat"),
        (["--vars", "as_of_date"], 2, "--vars is no YAML mapping"),
        (["--vars", "{as_of_date: tomorrow}"], 2, "as_of_date is 'tomorrow', which is no date"),
        (["--retry", "--layer", "gold"], 2, "--retry continues the run that failed"),
        (["--threads", "0"], 2, "Invalid value for '--threads'"),
        (["--lock-wait", "soon"], 2, "'soon' is no span of time"),
    ],
)
def test_wrong_options(
    dataops_here: Dataops, platform: Path, arguments: list[str], code: int, reason: str
) -> None:
    done = dataops_here("run", *arguments, cwd=platform)
    assert done.returncode == code
    assert f"error: {reason}" in done.stderr
    assert "  → " in done.stderr


def test_as_of_date_names_the_generation(dataops_here: Dataops, platform: Path) -> None:
    code, document = run_json(dataops_here, platform, "--vars", "{as_of_date: 2013-12-31}")
    assert (code, document["as_of_date"]) == (0, "2013-12-31")
    kept = json.loads(dataops_here("generations", "list", "--json", cwd=platform).stdout)
    assert (kept[0]["run_id"], kept[0]["as_of_date"]) == (document["run_id"], "2013-12-31")


def test_two_at_once(dataops_here: Dataops, platform: Path) -> None:
    with started(platform) as first:
        refused = dataops_here("run", cwd=platform)
        second = begin(platform, "--select", "days", "--lock-wait", "5m")
        assert second.stderr
        with killed_after(second):
            waiting = second.stderr.readline()
            first.send_signal(signal.SIGCONT)
            assert first.wait(120) == 0
            _, shown = second.communicate()
    assert refused.returncode == 4
    assert f"(pid {first.pid} of " in refused.stderr
    assert "stop it where it runs" in refused.stderr
    assert waiting.startswith(f"Waiting for `dataops run` (pid {first.pid} of ")
    assert second.returncode == 0, shown


def test_a_reader_neither_blocks_a_run_nor_breaks(dataops_here: Dataops, platform: Path) -> None:
    path = platform / ".dataops/local/warehouse.duckdb"
    before = orders_by_day(platform)
    with duckdb.connect(str(path), read_only=True) as reader:
        for _ in range(2):
            assert dataops_here("run", "--vars", "{as_of_date: 2013-06-30}", cwd=platform).returncode == 0
            assert reader.execute("select * from gold.days order by 1").fetchall() == before


def test_a_load_during_a_run_does_not_reach_it(dataops_here: Dataops, platform: Path) -> None:
    with duckdb.connect(str(platform / ".dataops/local/source.duckdb"), read_only=True) as connection:
        query = "select cast(OrderDate as date), count(*) from Sales.SalesOrderHeader group by 1 order by 1"
        expected = connection.execute(query).fetchall()
    with started(platform) as process:
        loaded = dataops_here("source", "generate", "--scale", 0.01, "--seed", 8, cwd=platform)
        assert loaded.returncode == 0
        process.send_signal(signal.SIGCONT)
        assert process.wait(120) == 0
    assert orders_by_day(platform) == expected
    assert dataops_here("run", "--quiet", cwd=platform).returncode == 0
    assert orders_by_day(platform) != expected


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_what_was_built(
    dataops_here: Dataops, platform: Path, how: signal.Signals
) -> None:
    before = published(platform)
    with started(platform) as process:
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        _, shown = process.communicate(timeout=120)
        assert process.returncode == 130
    assert "error: Interrupted: " in shown
    assert "what is published is as it was" in shown
    assert "dataops run --retry" in shown
    assert published(platform) == before
    assert json.loads(dataops_here("runs", "--json", cwd=platform).stdout)[0]["status"] == "interrupted"
    assert dataops_here("run", "--retry", cwd=platform).returncode == 0


def test_sigkill_at_twenty_moments(dataops_here: Dataops, platform: Path) -> None:
    """A kill never changes what is published, unless the run had published, and never stops the next run."""
    clock = time.monotonic()
    assert dataops_here("run", cwd=platform).returncode == 0
    duration = time.monotonic() - clock
    killed = 0
    for moment in range(20):
        before, rows = published(platform), orders_by_day(platform)
        clock = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "dataops_cli", "run", "--quiet"],
            cwd=platform,
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=duration * (0.25 + 0.75 * moment / 20))
            duration = min(duration, time.monotonic() - clock)  # the machine was busier when it was measured
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        now = published(platform)
        assert orders_by_day(platform) == rows  # the source is the same, so whole generations are equal
        if now != before:
            runs = json.loads(dataops_here("runs", "--json", cwd=platform).stdout)
            assert now == runs[0]["run_id"]
    assert killed >= 10
    code, document = run_json(dataops_here, platform)
    assert code == 0
    assert published(platform) == document["run_id"]
    statuses = {run["status"] for run in json.loads(dataops_here("runs", "--json", cwd=platform).stdout)}
    assert "killed" in statuses
    assert "running" not in statuses
    state = platform / ".dataops/local"
    assert not (state / "candidate").exists()
    kept = json.loads(dataops_here("generations", "list", "--json", cwd=platform).stdout)
    assert {path.name for path in (state / "generations").iterdir()} == {item["run_id"] for item in kept}


def test_generations_and_runs_are_pruned(dataops_here: Dataops, platform: Path) -> None:
    few = {"DATAOPS_WAREHOUSE__KEEP_GENERATIONS": "2", "DATAOPS_RUNS__KEEP": "3"}
    for _ in range(2):
        assert dataops_here("run", "--select", "days", cwd=platform, **few).returncode == 0
    kept = json.loads(dataops_here("generations", "list", "--json", cwd=platform).stdout)
    assert [item["published"] for item in kept] == [True, False]
    assert len(json.loads(dataops_here("runs", "--json", cwd=platform).stdout)) <= 4


def test_prune_removes_what_the_settings_do_not_keep(dataops_here: Dataops, platform: Path) -> None:
    for _ in range(2):
        assert dataops_here("run", cwd=platform).returncode == 0
    keep = {"DATAOPS_RUNS__KEEP": "1", "DATAOPS_WAREHOUSE__KEEP_GENERATIONS": "1"}
    home = platform / ".dataops" / "local"

    def there() -> tuple[set[str], set[str]]:
        return (
            {path.name for path in (home / "runs").iterdir()},
            {path.name for path in (home / "generations").iterdir()},
        )

    before, now = there(), published(platform)
    assert len(before[0]) > 1
    assert len(before[1]) > 1
    planned = dataops_here("prune", "--plan", "--json", cwd=platform, **keep)
    assert there() == before
    done = dataops_here("prune", "--json", cwd=platform, **keep)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(planned.stdout)
    assert there() == ({now}, {now})
    assert "Nothing is kept" in dataops_here("prune", cwd=platform, **keep).stdout


def test_an_earlier_generation_is_published_again(dataops_here: Dataops, platform: Path) -> None:
    assert dataops_here("run", cwd=platform).returncode == 0
    kept = json.loads(dataops_here("generations", "list", "--json", cwd=platform).stdout)
    before = kept[1]["run_id"]
    planned = dataops_here("generations", "publish", before, "--plan", cwd=platform)
    assert planned.stdout == f"publish {before}, in place of {kept[0]['run_id']}\n"
    assert published(platform) == kept[0]["run_id"]
    assert dataops_here("generations", "publish", before, cwd=platform).returncode == 0
    assert published(platform) == before
    again = dataops_here("generations", "publish", before, "--json", cwd=platform)
    assert json.loads(again.stdout) == {"published": before, "changed": False}
    refused = dataops_here("generations", "publish", "no-such-run", cwd=platform)
    assert refused.returncode == 5
    assert before in refused.stderr


def test_runs_show_has_what_a_run_left(dataops_here: Dataops, platform: Path) -> None:
    code, document = run_json(dataops_here, platform)
    assert code == 0
    shown = json.loads(dataops_here("runs", "show", document["run_id"], "--json", cwd=platform).stdout)
    assert shown["status"] == "succeeded"
    assert {"parse", "freshness", "bronze", "silver", "gold", "docs", "publish"} <= set(shown["timings"])
    names = {Path(path).name for path in shown["artifacts"]}
    assert names >= {
        "run.json",
        "results.json",
        "manifest.json",
        "catalog.json",
        "dbt.log",
        "run_results-bronze.json",
        "run_results-silver.json",
        "run_results-gold.json",
    }
    assert dataops_here("runs", "show", "nonsense", cwd=platform).returncode == 2


def test_newer_state_is_refused(dataops_here: Dataops, platform: Path) -> None:
    path = platform / ".dataops/local/lock.json"
    text = path.read_text()
    path.write_text(text.replace('"version": 1', '"version": 2'))
    try:
        done = dataops_here("run", cwd=platform)
    finally:
        path.write_text(text)
    assert done.returncode == 5
    assert "was written by a newer dataops" in done.stderr


def test_a_retry_that_is_killed_forgets_what_it_was_building_again(
    dataops_here: Dataops, platform: Path
) -> None:
    """A changes nothing in silver and fails in gold; B builds silver again and is killed; C must, too."""
    gold = platform / "dbt/models/gold/best_customers.sql"
    silver = platform / "dbt/models/silver/customers.sql"
    with edited(gold, "select customer_id", "select -customer_id as customer_id"):
        assert dataops_here("run", cwd=platform).returncode == 1
    with edited(silver, "count(*)", "count(*) + 0"):
        with started(platform, "--retry") as process:
            process.kill()
            process.wait()
        assert process.returncode == -signal.SIGKILL
        done = dataops_here("run", "--retry", cwd=platform)
        assert done.returncode == 0
        assert "success silver table customers" in done.stderr
    assert dataops_here("run", cwd=platform).returncode == 0


def test_a_retry_checks_the_freshness_that_stopped_the_run(dataops_here: Dataops, platform: Path) -> None:
    stale = {"DATAOPS_FRESHNESS__WARN_AFTER_DAYS": "1", "DATAOPS_FRESHNESS__ERROR_AFTER_DAYS": "2"}
    assert dataops_here("run", cwd=platform, **stale).returncode == 1
    before = published(platform)
    assert dataops_here("run", "--retry", cwd=platform, **stale).returncode == 1
    assert published(platform) == before
    assert dataops_here("run", "--retry", cwd=platform).returncode == 0


def relations(platform: Path) -> set[str]:
    with duckdb.connect(str(platform / ".dataops/local/warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select schema || '.' || name from (show all tables) where database = 'warehouse'"
        )
        return {row[0] for row in rows.fetchall()}


def test_a_retry_never_publishes_a_model_that_failed_and_was_removed(
    dataops_here: Dataops, platform: Path
) -> None:
    model = platform / "dbt/models/gold/extra.sql"
    test = platform / "dbt/tests/extra_has_no_rows.sql"
    test.parent.mkdir()
    model.write_text("select 1 as wrong")
    test.write_text("select * from {{ ref('extra') }}")
    try:
        assert dataops_here("run", cwd=platform).returncode == 1
    finally:
        model.unlink()
        test.unlink()
        test.parent.rmdir()
    before = published(platform)
    done = dataops_here("run", "--retry", cwd=platform)
    assert done.returncode == 5
    assert "The failed run cannot be continued: extra is no longer what it builds" in done.stderr
    assert published(platform) == before
    assert dataops_here("run", cwd=platform).returncode == 0
    assert "gold.extra" not in relations(platform)


def test_what_is_left_of_a_removed_model_is_not_published(dataops_here: Dataops, platform: Path) -> None:
    model = platform / "dbt/models/gold/extra.sql"
    model.write_text("select 1 as one")
    try:
        assert dataops_here("run", cwd=platform).returncode == 0
        assert "gold.extra" in relations(platform)
    finally:
        model.unlink()
    assert dataops_here("run", "--select", "days", cwd=platform).returncode == 0
    assert "gold.extra" not in relations(platform)
    assert "gold.days" in relations(platform)


def test_a_retry_does_not_undo_a_step_back(dataops_here: Dataops, platform: Path) -> None:
    assert dataops_here("run", cwd=platform).returncode == 0
    earlier = json.loads(dataops_here("generations", "list", "--json", cwd=platform).stdout)[1]["run_id"]
    with edited(platform / "dbt/models/gold/days.sql", "count(*)", "count(nothing)"):
        assert dataops_here("run", "--select", "days", cwd=platform).returncode == 1
    assert dataops_here("generations", "publish", earlier, cwd=platform).returncode == 0
    done = dataops_here("run", "--retry", cwd=platform)
    assert done.returncode == 5
    assert "something else has been published since" in done.stderr
    assert published(platform) == earlier
    assert dataops_here("run", cwd=platform).returncode == 0


def test_a_retry_after_a_changed_variable_builds_everything_again(
    dataops_here: Dataops, platform: Path
) -> None:
    with edited(platform / "dbt/models/gold/days.sql", "count(*)", "count(nothing)"):
        assert dataops_here("run", cwd=platform).returncode == 1
    with edited(platform / "dbt/dbt_project.yml", "strict_orders: false", "strict_orders: false, label: new"):
        done = dataops_here("run", "--retry", cwd=platform)
    assert done.returncode == 0
    assert "success bronze view  orders" in done.stderr


def test_dbts_own_variables_do_not_reach_a_run(dataops_here: Dataops, platform: Path) -> None:
    code, document = run_json(dataops_here, platform, DBT_EMPTY="1", DBT_TARGET="sqlserver")
    assert code == 0
    assert all(row["rows"] for row in document["models"])


def test_a_reader_of_the_progress_that_leaves_does_not_stop_the_run(platform: Path) -> None:
    before = published(platform)
    command = f"{sys.executable} -m dataops_cli run 2>&1 >/dev/null | grep -m1 success"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=platform,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "success" in done.stdout
    assert published(platform) != before
