"""`dataops health` of an environment that a release is in force in: what runs, and what was changed behind its back."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from deploy.small_platform import Platform
from support import until

pytestmark = pytest.mark.engine


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def health(platform: Platform, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    ended = platform.run("health", "--layer", "release", "--check", "containers", "--json", *arguments)
    assert ended.stdout, ended.stderr
    return ended.returncode, {item["name"]: item for item in json.loads(ended.stdout)["checks"]}


@pytest.fixture(scope="module")
def release(platform: Platform) -> str:
    name = platform.commit("A")
    assert platform.done("deploy")["release"] == name
    return name


def test_what_runs_is_the_release(platform: Platform, release: str) -> None:
    code, found = health(platform)
    assert code == 0, found
    assert found["release"]["found"].startswith(f"{release}, since 20")
    assert found["images"]["found"] == f"2 images, those of release {release}"
    assert found["drift"]["found"] == f"as {release} would have it"
    # An edit in the working tree is none of the environment's.
    (platform.folder / "dbt" / "models" / "gold" / "gld_product_performance.sql").write_text("select 1 as x")
    assert health(platform)[0] == 0


def test_a_container_was_made_by_hand(platform: Platform, release: str) -> None:
    """Another image under the same name of the container."""
    labels = json.loads(docker("inspect", "--format", "{{json .Config.Labels}}", platform.dbt))
    docker("rm", "--force", platform.dbt)
    ours = {key: value for key, value in labels.items() if key.startswith("com.docker.compose.")}
    given = [word for key, value in ours.items() for word in ("--label", f"{key}={value}")]
    docker("run", "--detach", "--name", platform.dbt, *given, "dataops-test/python:3.11", "sleep", "infinity")
    code, found = health(platform)
    assert code == 1
    assert found["release"]["result"] == found["images"]["result"] == found["drift"]["result"] == "fail"
    assert found["release"]["found"] == (
        f"{platform.dbt} runs dataops-test/python:3.11, and {release} is in force"
    )
    assert found["images"]["remedy"] == "dataops up dbt --env flow"
    assert found["drift"]["found"] == f"recreate {platform.dbt}: its image changed"
    assert platform.run("up", "dbt").returncode == 0
    assert health(platform)[0] == 0


def test_a_deployment_was_cut_off(platform: Platform, release: str) -> None:
    hook = platform.folder / "environments" / "hooks" / "pre-deploy"
    hook.parent.mkdir()
    # The deploy goes on until it is killed.
    hook.write_text("#!/bin/sh\nwhile kill -0 $PPID; do sleep 0.2; done\n")
    hook.chmod(0o755)
    platform.commit("B")
    deploying = platform.begin("deploy")
    try:
        until(lambda: health(platform)[1]["release"]["found"] == "a deploy goes on")
    finally:
        deploying.kill()
        deploying.communicate()
    code, found = health(platform)
    assert (code, found["release"]["result"]) == (1, "fail")
    assert found["release"]["remedy"] == "dataops repair --env flow"
    assert platform.run("repair").returncode == 0
    code, found = health(platform, "--wait", "3m")
    assert (code, found["release"]["result"]) == (0, "ok"), found
    assert found["release"]["found"].startswith(release)
