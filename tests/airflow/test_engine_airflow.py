"""The commands against a real Airflow 3.3, in a stack of the tests' own, with DAGs of theirs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from local_engine import STAND_IN, local_engine
from support import Dataops, clean_environment, killed_after, until

pytestmark = pytest.mark.engine

ENVIRONMENT = """\
description = "Airflow alone"
[warehouse]
engine = "sqlserver"
[stack]
enabled = true
files = ["compose/compose.yml", "compose/dev.yml"]
name = "{name}"
prefix = "{name}-"
port_offset = 16000
timeout = 600
"""
IMAGES = {
    "PYTHON_IMAGE": "dataops-test/python:3.11",
    "POSTGRES_IMAGE": "dataops-test/postgres:15",
    "REDIS_IMAGE": "dataops-test/redis:7",
    "SQLSERVER_IMAGE": STAND_IN,
    "CLOUDBEAVER_IMAGE": STAND_IN,
}
DAGS = {
    "shop.py": """
        import time
        from datetime import datetime, timedelta
        from airflow.sdk import DAG, Param, get_current_context, task

        with DAG("shop", schedule=None, max_active_runs=1, params={
            "mode": Param("pass"), "seconds": 0,
            "parts": Param([], type="array", items={"enum": ["a", "b"]}),
        }):

            # Without its webserver for longer than its heartbeat may be missing, a task is done again.
            @task(retries=2, retry_delay=timedelta(seconds=1))
            def take(params=None):
                print("three orders")
                time.sleep(params["seconds"])
                return {"orders": 3}

            # Long enough for whoever watches to see it wait.
            @task(retries=1, retry_delay=timedelta(seconds=15))
            def check(params=None):
                number = get_current_context()["ti"].try_number
                print(f"try {number}")
                if params["mode"] == "fail" or (params["mode"] == "retry" and number == 1):
                    raise ValueError("two rows are empty")

            @task
            def ship():
                return "shipped"

            take() >> check() >> ship()
        """,
    "daily.py": """
        from datetime import datetime
        from airflow.sdk import DAG, task

        with DAG("daily", schedule="0 1 * * *", start_date=datetime(2026, 1, 1), catchup=False):

            @task
            def each(part):
                return part

            each.expand(part=[1, 2])
        """,
    "broken.py": "from airflow.sdk import DAG\nimport no_such_module\n",
}


class Stack:
    def __init__(self, folder: Path, name: str, dataops: Dataops) -> None:
        self.folder, self.name, self._dataops = folder, name, dataops

    def dataops(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._dataops(*arguments, "--env", "air", cwd=self.folder, **IMAGES)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.dataops("airflow", *arguments)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "dataops_cli", "airflow", *arguments, "--env", "air"],
            cwd=self.folder,
            env=clean_environment(**IMAGES),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def document(self, *arguments: str) -> dict[str, Any]:
        return dict(json.loads(self.run(*arguments, "--json").stdout))

    @property
    def webserver(self) -> str:
        return f"{self.name}-dataops-airflow-webserver"


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path], dataops: Dataops
) -> Iterator[Stack]:
    local_engine()
    folder = new_platform(tmp_path_factory.mktemp("airflow") / "platform")
    name = f"dataops-airflow-test-{os.getpid()}"
    (folder / "environments" / "air.toml").write_text(ENVIRONMENT.format(name=name))
    dags = folder / "airflow" / "dags"
    for own in dags.glob("*.py"):
        own.unlink()
    for file, text in DAGS.items():
        (dags / file).write_text(dedent(text))
    found = Stack(folder, name, dataops)
    try:
        up = found.dataops("up", "airflow-webserver", "airflow-scheduler", "airflow-dag-processor")
        assert up.returncode == 0, up.stderr
        until(lambda: len(json.loads(found.run("dags", "--json").stdout)) == 2)
        until(lambda: found.run("import-errors").returncode == 1)
        yield found
    finally:
        down = found.dataops("down", "--volumes", "--yes")
    assert down.returncode == 0, down.stderr


def until_begun(process: subprocess.Popen[str], task: str) -> None:
    """Until the command that watches a run shows that the task is at work, or was."""
    until_written(process, rf"(running|success) +{task}\b")


def until_written(process: subprocess.Popen[str], line: str) -> None:
    """Until the command writes such a line, by a regular expression."""
    assert process.stderr is not None
    with killed_after(process):
        assert any(re.search(line, written) for written in process.stderr)


def docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], check=True, capture_output=True)


def test_what_is_there(stack: Stack) -> None:
    health = stack.document("health")
    assert str(health["version"]).startswith("3.3.")
    parts = {part["part"]: part["status"] for part in health["parts"]}
    assert (parts.pop("triggerer"), parts.pop("worker"), set(parts.values())) == (None, None, {"healthy"})
    assert not health["healthy"]  # for want of a worker
    broken = stack.run("import-errors")
    assert broken.returncode == 1
    assert "broken.py" in broken.stdout
    assert "No module named 'no_such_module'" in broken.stdout
    assert "1 file cannot be imported: its DAGs are missing here" in stack.run("dags").stderr
    (user,) = json.loads(stack.run("users", "--json").stdout)
    assert (user["name"], user["roles"]) == ("admin", ["Admin"])
    assert stack.run("open").stdout == "http://127.0.0.1:24080 (sign in as admin)\n"


def test_a_paused_dag_is_refused_then_runs(stack: Stack) -> None:
    assert stack.run("pause", "shop").returncode == 0
    assert stack.run("trigger", "shop").returncode == 5
    assert json.loads(stack.run("runs", "shop", "--json").stdout) == []
    done = stack.run("trigger", "shop", "--unpause", "--wait", "--follow-logs", "--run-id", "first")
    assert done.returncode == 0, done.stderr
    assert "Succeeded: shop first in " in done.stdout
    assert "take | three orders" in done.stderr
    assert "  success         ship" in done.stderr
    again = stack.run("trigger", "shop", "--run-id", "first")
    assert (again.returncode, "has a run first already" in again.stderr) == (2, True)


def test_a_failed_run_is_shown_mended_and_cleared(stack: Stack) -> None:
    stack.run("unpause", "shop")
    done = stack.run("trigger", "shop", "--wait", "--run-id", "bad", "--conf", "mode=fail")
    assert done.returncode == 1
    assert "failed check, try 2" in done.stdout
    assert "ValueError: two rows are empty" in done.stdout
    assert "/opt/airflow/dags/shop.py" in done.stdout
    assert "up_for_retry" in done.stderr
    tries = json.loads(stack.run("tasks", "bad", "--dag", "shop", "--json").stdout)
    assert [(item["task"], item["try_number"], item["state"]) for item in tries] == [
        ("take", 1, "success"),
        ("check", 1, "failed"),
        ("check", 2, "failed"),
        ("ship", 0, "upstream_failed"),
    ]
    first = stack.run("logs", "check", "bad", "--dag", "shop", "--try", "1")
    assert "try 1" in first.stdout
    assert "ValueError: two rows are empty" in first.stdout
    planned = stack.run("clear", "bad", "--dag", "shop", "--plan")
    assert planned.stdout == "clear check: failed\nclear ship: upstream_failed\n"
    assert stack.document("show", "bad", "--dag", "shop")["state"] == "failed"

    dag = stack.folder / "airflow" / "dags" / "shop.py"
    dag.write_text(dag.read_text().replace('== "fail"', '== "never"'))
    assert stack.run("clear", "bad", "--dag", "shop").returncode == 0
    assert stack.run("watch", "bad", "--dag", "shop").returncode == 0


def test_parameters_that_do_not_fit(stack: Stack) -> None:
    stack.run("unpause", "shop")
    unknown = stack.run("trigger", "shop", "--conf", "mod=fail")
    assert (unknown.returncode, "Did you mean mode?" in unknown.stderr) == (2, True)
    part = stack.run("trigger", "shop", "--conf", "parts=a", "--run-id", "part", "--json")
    assert json.loads(part.stdout)["conf"] == {"parts": ["a"]}
    wrong = stack.run("trigger", "shop", "--conf", "parts=c", "--plan")
    assert (wrong.returncode, '"c" is none of a, b' in wrong.stderr) == (2, True)


def test_runs_are_queued_and_stopped(stack: Stack) -> None:
    stack.run("unpause", "shop")
    for run_id in ("first-of-all", "second", "third"):
        assert stack.run("trigger", "shop", "--conf", "seconds=180", "--run-id", run_id).returncode == 0
    until(lambda: stack.document("show", "first-of-all", "--dag", "shop")["state"] == "running")
    until(
        lambda: (
            stack.document("show", "third", "--dag", "shop")["waiting"]
            == "waits for run first-of-all, and 1 before it"
        )
    )
    stopped = json.loads(
        stack.run("stop", "third", "second", "first-of-all", "--dag", "shop", "--json").stdout
    )
    assert [(item["state"], item["changed"]) for item in stopped] == [("failed", True)] * 3
    again = stack.run("stop", "last", "--dag", "shop")
    assert (again.returncode, again.stdout) == (0, "third has ended already: failed\n")


def test_a_retry_succeeds(stack: Stack) -> None:
    stack.run("unpause", "shop")
    done = stack.run("trigger", "shop", "--wait", "--conf", "mode=retry", "--json")
    assert done.returncode == 0
    tasks = {item["task"]: item for item in json.loads(done.stdout)["tasks"]}
    assert (tasks["check"]["try"], tasks["check"]["state"]) == (2, "success")


def test_airflow_goes_away_and_comes_back(stack: Stack) -> None:
    stack.run("unpause", "shop")
    process = stack.begin("trigger", "shop", "--wait", "--conf", "seconds=12")
    until_begun(process, "take")
    docker("kill", stack.webserver)
    try:
        until_written(process, "this goes on asking")
    finally:
        docker("start", stack.webserver)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert "Airflow answers again." in stderr
    assert "Succeeded: shop" in stdout


def test_one_who_watches_is_killed_and_another_goes_on(stack: Stack) -> None:
    stack.run("unpause", "shop")
    process = stack.begin("trigger", "shop", "--wait", "--conf", "seconds=8", "--run-id", "left")
    until_begun(process, "take")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert stack.run("watch", "--dag", "shop").returncode == 0


def test_a_run_is_detached_from_and_does_not_end_in_time(stack: Stack) -> None:
    stack.run("unpause", "shop")
    process = stack.begin("trigger", "shop", "--wait", "--conf", "seconds=180", "--run-id", "long")
    until_begun(process, "take")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Detached: run long goes on" in stderr
    late = stack.run("watch", "long", "--dag", "shop", "--timeout", "2s")
    assert late.returncode == 1
    assert "Run long has not ended in time: it is running, and goes on" in late.stderr
    assert stack.run("stop", "long", "--dag", "shop").returncode == 0


def test_a_backfill_of_mapped_tasks(stack: Stack) -> None:
    stack.run("unpause", "daily")
    words = ["backfill", "daily", "--from", "2026-01-01", "--to", "2026-01-01"]
    assert stack.run(*words, "--plan").stdout == "run daily for 2026-01-01T01:00+00:00\n"
    assert stack.run(*words).returncode == 0

    def runs() -> list[dict[str, object]]:
        found = json.loads(stack.run("runs", "daily", "--json").stdout)
        return [run for run in found if run["run_type"] == "backfill"]

    until(lambda: bool(runs()))
    assert "the runs are there already (1 " in stack.run(*words).stdout
    no_dates = stack.run("backfill", "shop", *words[2:])
    assert (no_dates.returncode, "DAG shop has no dates to run for" in no_dates.stderr) == (2, True)
    run_id = str(runs()[0]["run_id"])
    assert stack.run("watch", run_id, "--dag", "daily").returncode == 0
    assert (
        "Returned value was: 2"
        in stack.run("logs", "each", run_id, "--dag", "daily", "--map-index", "1").stdout
    )
    assert stack.run("clear", run_id, "--dag", "daily", "--task", "each", "--plan").stdout.splitlines() == [
        "clear each[0]: success",
        "clear each[1]: success",
    ]


def test_a_file_that_is_added_is_known_soon(stack: Stack) -> None:
    """Within half a minute on a quiet machine; by Airflow's own settings within five minutes."""
    text = 'from airflow.sdk import DAG\n\nwith DAG("added"):\n    ...\n'
    (stack.folder / "airflow" / "dags" / "added.py").write_text(text)
    until(lambda: "added" in stack.run("dags").stdout, 120)


def test_a_wrong_password(stack: Stack, dataops: Dataops) -> None:
    wrong = {"DATAOPS_SECRETS__AIRFLOW_ADMIN_PASSWORD": "no"}
    done = dataops("airflow", "dags", "--env", "air", cwd=stack.folder, **IMAGES, **wrong)
    assert done.returncode == 3
    assert "does not accept user admin" in done.stderr
