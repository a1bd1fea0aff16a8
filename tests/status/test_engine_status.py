"""Status and metrics of a small platform with a release deployed, on a real engine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.small_platform import Platform
from local_engine import local_engine
from support import until

pytestmark = pytest.mark.engine

NOWHERE = {"DOCKER_HOST": "tcp://127.0.0.1:1"}


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path]
) -> Iterator[Platform]:
    """A platform whose release A is deployed; its folder has B, which is not."""
    local_engine()
    folder = new_platform(tmp_path_factory.mktemp("status") / "platform")
    found = Platform(folder, f"dataops-status-{os.getpid()}")
    found.write()
    found.commit("A")
    try:
        up = found.run("up")
        assert up.returncode == 0, up.stdout + up.stderr
        docker("exec", found.dbt, "dataops", "source", "generate")
        found.done("deploy", "--reason", "first")
        found.commit("B")
        yield found
    finally:
        found.down()


def docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], check=True, capture_output=True)


def status(platform: Platform) -> Any:
    return platform.done("status")


def series(platform: Platform, code: int = 0, **variables: str) -> dict[tuple[str, ...], float]:
    """Name and label values but the environment's, in the order of the labels → value."""
    ended = platform.run("metrics", **variables)
    assert ended.returncode == code, ended.stderr
    return {
        (
            sample.name,
            *(sample.labels[key] for key in sorted(sample.labels) if key != "environment"),
        ): sample.value
        for family in text_string_to_metric_families(ended.stdout)
        for sample in family.samples
    }


def test_what_is_in_force_and_what_came_of_it(platform: Platform) -> None:
    until(lambda: status(platform)["unavailable"] == {})  # a busy machine may be late
    found = status(platform)
    (deployed,) = platform.done("releases")
    (generation,) = platform.done("generations")
    runs = platform.done("runs")
    assert (found["alerts"], found["unavailable"], found["lock"]) == ([], {}, None)
    assert found["release"] == {
        "name": deployed["release"],
        "sha": platform.git("rev-parse", "HEAD~1"),
        "subject": "Release A",
        "since": deployed["ended_at"],
        "by": deployed["who"],
        "deployment": 1,
    }
    assert found["deployment"] == {key: value for key, value in deployed.items() if key != "role"}
    assert found["published"] | {"published": True} == generation
    assert [run["run_id"] for run in found["runs"]] == [run["run_id"] for run in runs]
    assert [(item["service"], item["state"], item["health"]) for item in found["containers"]] == [
        ("dbt", "running", "healthy"),
        ("still", "running", None),
    ]

    metrics = series(platform)
    assert {name[1]: rows for name, rows in metrics.items() if name[0] == "dataops_published_rows"} == (
        generation["rows"]
    )
    # Its labels: deployed_by, release, sha, subject.
    release = found["release"]
    assert metrics["dataops_release_info", release["by"], release["name"], release["sha"], "Release A"] == 1
    assert metrics["dataops_deployment_outcome", "succeeded"] == 1
    assert metrics["dataops_deployment_duration_seconds",] == deployed["seconds"]
    assert metrics["dataops_run_duration_seconds",] == runs[0]["seconds"]


def test_a_container_is_stopped(platform: Platform) -> None:
    name = f"{platform.name}-still-1"
    docker("stop", "--time", "1", name)
    try:
        (alert,) = status(platform)["alerts"]
        assert (alert["about"], alert["result"]) == ("containers", "fail")
        assert alert["found"].startswith(f"{name} does not run: exited")
        assert alert["remedy"].splitlines()[0] == "dataops up still --env flow"
        assert series(platform)["dataops_container_running", name, "still"] == 0
    finally:
        docker("start", name)
    until(lambda: status(platform)["alerts"] == [])


def test_where_dbts_container_does_not_run_the_rest_is_shown(platform: Platform) -> None:
    docker("stop", "--time", "1", platform.dbt)
    try:
        found = status(platform)
        assert found["unavailable"].keys() == {"data"}
        assert found["unavailable"]["data"]["hint"] == "Start it: dataops up dbt --env flow"
        assert (found["published"], found["runs"]) == (None, None)
        assert found["release"]["subject"] == "Release A"
        shown = platform.run("status")
        assert shown.returncode == 0
        assert "published  not known: " in shown.stdout
        metrics = series(platform)
        assert metrics["dataops_part_available", "data"] == 0
        assert metrics["dataops_container_running", platform.dbt, "dbt"] == 0
    finally:
        docker("start", platform.dbt)
    until(lambda: status(platform)["alerts"] == [])  # it is healthy again


def test_the_stack_is_locked(platform: Platform) -> None:
    platform.done("lock", "acquire", "-m", "an audit")
    try:
        found = status(platform)
        assert found["lock"]["reason"] == "an audit"
        assert [(alert["about"], alert["result"]) for alert in found["alerts"]] == [("lock", "warn")]
        assert series(platform)["dataops_stack_locked",] == 1
    finally:
        platform.done("lock", "release")
    assert status(platform)["lock"] is None


def test_the_engine_is_not_reachable(platform: Platform) -> None:
    ended = platform.run("status", "--json", **NOWHERE)
    assert ended.returncode == 3
    found = json.loads(ended.stdout)
    assert [alert["about"] for alert in found["alerts"]] == ["engine"]
    assert found["unavailable"].keys() == {"engine", "containers", "deployments", "lock", "data"}
    assert (found["environment"], found["warehouse"]) == ("flow", "duckdb")
    shown = platform.run("status", **NOWHERE)
    assert shown.returncode == 3
    assert "engine     not reachable" in shown.stdout
    assert series(platform, 3, **NOWHERE)["dataops_part_available", "engine"] == 0
