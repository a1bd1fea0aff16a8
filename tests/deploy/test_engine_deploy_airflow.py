"""Deploys and a rollback of the whole platform: real images, Airflow, PostgreSQL, Redis, the real rows of AdventureWorks
and DuckDB as the warehouse."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flow.conftest import Flow, flow_in
from support import Dataops

pytestmark = pytest.mark.engine

# What the real rows of AdventureWorks 2014 add up to.
ORDERS, REVENUE = 31465, "109846381.39"
TOTALS = "select sum(total_orders) as orders, sum(net_revenue) as revenue from gold.gld_sales_summary"
DAG = """
from airflow.sdk import DAG, task

with DAG("beside", schedule=None, tags=["{mark}"]):

    @task
    def nothing():
        pass

    nothing()
"""


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory,
    new_platform: Callable[[Path], Path],
    dataops: Dataops,
    adventureworks: Path,
) -> Iterator[Flow]:
    folder = new_platform(tmp_path_factory.mktemp("deploys") / "platform")
    name = f"dataops-deploys-{os.getpid()}"
    git(folder, "init", "--quiet", "--initial-branch=main")
    with flow_in(folder, name, dataops, adventureworks, over="release", port_offset=35000) as found:
        yield found


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=op", "-c", "user.email=op@example.net", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(platform: Flow, mark: str) -> str:
    """A commit whose DAG `beside` and whose gold table bear `mark`; its short SHA."""
    (platform.folder / "airflow" / "dags" / "beside.py").write_text(DAG.format(mark=mark))
    model = platform.folder / "dbt" / "models" / "gold" / "gld_sales_summary.sql"
    lines = [line for line in model.read_text().splitlines() if not line.startswith("-- release ")]
    model.write_text("\n".join([f"-- release {mark}", *lines]) + "\n")
    git(platform.folder, "add", "--all")
    git(platform.folder, "commit", "--quiet", "--message", f"Release {mark}")
    return git(platform.folder, "rev-parse", "HEAD")[:12]


def state(platform: Flow) -> dict[str, Any]:
    """What is in force: containers' images, DAG code, dbt code, published data, and the pipeline's pause."""
    published = next(item for item in platform.done("generations") if item["published"])
    services = ("dbt", "airflow-webserver", "airflow-scheduler", "airflow-dag-processor")
    inspect = [
        "docker",
        "inspect",
        "--format",
        "{{.Image}}",
        *(platform.container(name) for name in services),
    ]
    images = subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.split()
    (totals,) = platform.sql(TOTALS)
    pipeline = next(dag for dag in platform.done("airflow", "dags") if dag["dag_id"] == "dataops_pipeline")
    return {
        "release": published["release"],
        "generation": published["run_id"],
        "images": images,
        "dag": platform.inside("cat", "/opt/airflow/dags/beside.py", service="airflow-dag-processor"),
        "model": platform.inside("head", "-1", "/opt/dbt/project/models/gold/gld_sales_summary.sql").strip(),
        "orders": int(totals["orders"]),
        "revenue": str(totals["revenue"])[: len(REVENUE)],
        "paused": pipeline["paused"],
    }


def test_a_then_b_then_back_to_a(platform: Flow) -> None:
    on_a = commit(platform, "A")
    first = platform.done("deploy")
    assert (first["release"], first["outcome"]) == (on_a, "succeeded")
    a = state(platform)
    assert (a["release"], a["orders"], a["revenue"]) == (on_a, ORDERS, REVENUE)
    assert (a["model"], "['A']" in a["dag"].replace('"', "'"), a["paused"]) == ("-- release A", True, False)
    databases = [
        "docker",
        "inspect",
        "--format",
        "{{.Id}}",
        platform.container("postgres"),
        platform.container("redis"),
    ]
    before = subprocess.run(databases, check=True, capture_output=True).stdout

    on_b = commit(platform, "B")
    second = platform.done("deploy", "--reason", "B is better")
    assert [step["name"] for step in second["steps"]][-2:] == ["health", "resume"]
    b = state(platform)
    assert (b["release"], b["model"], b["orders"], b["paused"]) == (on_b, "-- release B", ORDERS, False)
    assert not {*a["images"]} & {*b["images"]}

    back = platform.done("rollback", "--no-rebuild")
    assert (back["kind"], back["release"], back["previous"]) == ("rollback", on_a, on_b)
    assert state(platform) == a
    assert subprocess.run(databases, check=True, capture_output=True).stdout == before

    # The pipeline goes on as it did, and its runs are the release's.
    assert platform.done("run")["state"] == "success"
    assert state(platform)["release"] == on_a
    outcomes = [(item["kind"], item["release"], item["outcome"]) for item in platform.done("releases")]
    assert outcomes == [
        ("rollback", on_a, "succeeded"),
        ("deploy", on_b, "succeeded"),
        ("deploy", on_a, "succeeded"),
    ]


def test_a_dag_that_cannot_be_imported_is_put_back(platform: Flow) -> None:
    before = state(platform)
    commit(platform, "C")
    (platform.folder / "airflow" / "dags" / "broken.py").write_text(
        "from airflow.sdk import DAG\nimport nowhere\n"
    )
    git(platform.folder, "add", "--all")
    git(platform.folder, "commit", "--quiet", "--message", "A DAG with a fault")
    failed = platform.run("deploy")
    git(platform.folder, "revert", "--no-edit", "HEAD")
    assert failed.returncode == 1
    assert "broken.py cannot be imported" in failed.stderr
    after = state(platform)
    assert after == before
    assert platform.done("airflow", "import-errors") == []


def test_the_audit_tells_it_all(platform: Flow) -> None:
    commands = [item["command"] for item in platform.done("audit")]
    assert any(command.startswith("dataops rollback") for command in commands)
    assert any("B is better" in command for command in commands)
