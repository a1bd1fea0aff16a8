"""Deploys and a rollback of the whole platform: real images, Airflow, PostgreSQL, Redis, the real rows of AdventureWorks
and DuckDB as the warehouse."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flow.conftest import Flow, flow_in
from metrics.promtool import complaints
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
    with flow_in(folder, name, dataops, adventureworks, over="release", port_offset=17000) as found:
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


def test_status_and_metrics_know_the_release_its_runs_and_its_data(platform: Flow) -> None:
    """After the rollback and the run on it."""
    deployed, runs = platform.done("releases"), platform.done("airflow", "runs")
    generation = next(item for item in platform.done("generations") if item["published"])
    platform.until(lambda: platform.done("status")["unavailable"] == {})  # a busy machine may be late
    found = platform.done("status")
    assert (found["alerts"], found["unavailable"], found["lock"], found["runner"]) == (
        [],
        {},
        None,
        "airflow",
    )
    assert found["deployment"] == {key: value for key, value in deployed[0].items() if key != "role"}
    assert (found["release"]["name"], found["release"]["subject"]) == (deployed[0]["release"], "Release A")
    assert found["schedule"] == {"cron": None, "paused": False, "next": None}
    # The last runs are Airflow's, the published data that of the last one.
    assert [run["run_id"] for run in found["runs"]] == [run["run_id"] for run in runs[:5]]
    assert {(run["status"], run["about"]) for run in found["runs"]} == {("success", "manual by admin")}
    assert found["published"] | {"published": True} == generation
    states = {
        item["service"]: (item["state"], item["health"], item["exit_code"]) for item in found["containers"]
    }
    assert states.pop("airflow-init") == ("exited", None, 0)
    assert set(states.values()) == {("running", "healthy", None)}
    assert {"dbt", "postgres", "redis", "airflow-webserver", "airflow-scheduler"} < states.keys()
    shown = platform.run("status")
    assert shown.stdout.count(runs[0]["run_id"]) == 1, shown.stdout
    assert "on demand" in shown.stdout

    exposed = platform.run("metrics", "--health").stdout
    assert complaints(exposed) == ""
    samples = [sample for family in text_string_to_metric_families(exposed) for sample in family.samples]
    values = {
        (
            item.name.removeprefix("dataops_"),
            *(item.labels[key] for key in sorted(item.labels) if key != "environment"),
        ): item.value
        for item in samples
    }
    assert {key[1:]: had for key, had in values.items() if key[0] == "part_available"} == {
        (part,): 1 for part in ("data", "engine", "containers", "deployments", "lock", "pipeline")
    }
    assert (values["pipeline_paused",], values["run_status", "succeeded"], values["run_in_progress",]) == (
        0,
        1,
        0,
    )
    assert values["deployment_kind", "rollback"] == values["deployment_outcome", "succeeded"] == 1
    rows = {key[1]: count for key, count in values.items() if key[0] == "published_rows"}
    assert rows == generation["rows"]
    failed = [key for key, had in values.items() if key[0] == "health_check" and key[-1] == "fail" and had]
    assert failed == []


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
