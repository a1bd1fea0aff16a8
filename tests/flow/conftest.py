"""The whole platform on a real engine, with Airflow's worker building in DuckDB.

PostgreSQL, Redis, Airflow and dbt are real, the images are our own; SQL Server's container is a stand-in, and DuckDB
in the worker's volume is the warehouse.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_engine import STAND_IN, local_engine
from support import Dataops, clean_environment, killed_after, until

ENVIRONMENT = """\
[warehouse]
engine = "duckdb"
[dbt]
runner = "airflow"
[freshness]
warn_after_days = 36500
error_after_days = 36500
[stack]
enabled = true
files = ["compose/compose.yml", "compose/{over}.yml"]
name = "{name}"
prefix = "{name}-"
port_offset = {port_offset}
timeout = 600
"""
IMAGES = {
    "SQLSERVER_IMAGE": STAND_IN,
    "CLOUDBEAVER_IMAGE": STAND_IN,
    "POSTGRES_IMAGE": "dataops-test/postgres:15",
    "REDIS_IMAGE": "dataops-test/redis:7",
    "PYTHON_IMAGE": "dataops-test/python:3.11",
}
# Beside the platform's own: two tasks that take their time, one on dbt's queue and one in the scheduler; what follows
# the pipeline, as docs/ORCHESTRATION.md says it; and a run that does not end in time.
DAGS = """
from datetime import timedelta

from airflow.sdk import DAG, Asset, task
from dataops_steps import DataopsCommand

with DAG("slow", schedule=None, is_paused_upon_creation=False, max_active_runs=20):

    @task.bash(executor="CeleryExecutor", queue="dbt", retries=3, retry_delay=timedelta(seconds=1))
    def on_dbt():
        return "sleep {{ dag_run.conf.get('seconds', 1) }}; hostname"

    @task.bash(retries=3, retry_delay=timedelta(seconds=1))
    def in_the_scheduler():
        return "sleep {{ dag_run.conf.get('seconds', 1) }}"

    on_dbt() >> in_the_scheduler()

with DAG("follower", schedule=[Asset.ref(name="gold.gld_sales_summary")], is_paused_upon_creation=False):

    @task
    def send(): ...

    send()

with DAG("too_long", schedule=None, is_paused_upon_creation=False):
    DataopsCommand(
        task_id="build",
        arguments=["run", "--direct", "--layer=bronze"],
        execution_timeout=timedelta(seconds=30),
    )
"""


# Writes a dbt test, such as `silver/name`, and its query.
DbtTest = Callable[[str, str], Path]


@dataclass
class Flow:
    """A platform whose environment `flow` is up."""

    folder: Path
    name: str
    dataops: Dataops

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.dataops(*arguments, cwd=self.folder, **{"DATAOPS_ENV": "flow", **IMAGES, **variables})

    def done(self, *arguments: str, **variables: str) -> Any:
        """The JSON document of a command that must succeed."""
        ended = self.run(*arguments, "--json", **variables)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return json.loads(ended.stdout)

    def begin(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "dataops_cli", *arguments],
            cwd=self.folder,
            env=clean_environment(DATAOPS_ENV="flow", **IMAGES, **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def watched(self, process: subprocess.Popen[str], line: str) -> str:
        """A line that the command writes, by a regular expression, as soon as it does."""
        assert process.stdout
        with killed_after(process):
            for written in process.stdout:
                if re.search(line, written):
                    return written
        raise AssertionError(f"the command ended without a line {line!r}")

    def container(self, service: str) -> str:
        return f"{self.name}-dataops-{service}"

    def inside(self, *command: str, stdin: str | None = None, service: str = "dbt") -> str:
        """What a command in a container writes; it must succeed."""
        ended = subprocess.run(
            ["docker", "exec", *(["--interactive"] if stdin else []), self.container(service), *command],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def docker(self, *command: str) -> None:
        subprocess.run(["docker", *command], check=True, capture_output=True)

    def sql(self, query: str) -> list[dict[str, Any]]:
        return list(json.loads(self.inside("dataops", "sql", "--json", query)))

    def metadata(self, statement: str) -> str:
        """What Airflow's metadata database answers."""
        psql = 'PGPASSWORD="$(cat /run/secrets/postgres_password)" psql -qtAX -v ON_ERROR_STOP=1 -U airflow -c "$0"'
        return self.inside("sh", "-c", psql, statement, service="postgres").strip()

    def state(self, run_id: str, task: str, dag: str = "slow") -> str:
        """From the database itself, which takes a moment: a state that is waited for may not last."""
        where = f"dag_id = '{dag}' and run_id = '{run_id}' and task_id = '{task}'"
        return self.metadata(f"select state from task_instance where {where}")

    def begun(self, run_id: str, task: str, dag: str = "slow") -> bool:
        """Whether the task is at work, or was."""
        return self.state(run_id, task, dag) in ("running", "success")

    def until(self, met: Callable[[], bool], seconds: float = 240) -> None:
        until(met, seconds, pause=0.5)


@pytest.fixture(scope="module")
def flow(
    tmp_path_factory: pytest.TempPathFactory,
    new_platform: Callable[[Path], Path],
    dataops: Dataops,
    adventureworks: Path,
) -> Iterator[Flow]:
    folder = new_platform(tmp_path_factory.mktemp("flow") / "platform")
    (folder / "airflow" / "dags" / "beside.py").write_text(DAGS)
    with flow_in(
        folder, f"dataops-flow-{os.getpid()}", dataops, adventureworks, over="dev", port_offset=15000
    ) as found:
        found.until(lambda: len(found.done("airflow", "dags")) == 5)
        yield found


@pytest.fixture
def dbt_test(flow: Flow) -> Iterator[DbtTest]:
    """What it writes is gone after the test."""
    written: list[Path] = []

    def write(name: str, query: str) -> Path:
        written.append(flow.folder / "dbt" / "tests" / f"{name}.sql")
        written[-1].write_text(query)
        return written[-1]

    yield write
    for path in written:
        path.unlink(missing_ok=True)


@contextmanager
def flow_in(
    folder: Path, name: str, dataops: Dataops, adventureworks: Path, *, over: str, port_offset: int
) -> Iterator[Flow]:
    """The platform in `folder`, up and with the real rows of AdventureWorks as its source."""
    local_engine()
    found = Flow(folder, name, dataops)
    environment = ENVIRONMENT.format(name=name, over=over, port_offset=port_offset)
    (folder / "environments" / "flow.toml").write_text(environment)
    try:
        up = found.run("up")
        assert up.returncode == 0, up.stdout + up.stderr
        files = subprocess.run(
            ["tar", "-C", str(adventureworks), "-c", "."], check=True, capture_output=True
        ).stdout
        unpack = ["sh", "-c", "mkdir /tmp/aw && tar -C /tmp/aw -x"]
        subprocess.run(
            ["docker", "exec", "--interactive", found.container("dbt"), *unpack], input=files, check=True
        )
        found.inside("dataops", "source", "load", "--from", "/tmp/aw", "--quiet")
        yield found
    finally:
        down = found.run("down", "--volumes", "--yes")
        assert down.returncode == 0, down.stderr


def interrupt(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=60)[0]
