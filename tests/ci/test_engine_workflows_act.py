"""The workflows of deploys and rollbacks, run by act on a small platform on the engine: its stack is dbt's container, and
its warehouse DuckDB. What else is stood in for: see act.py."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ci.act import Ran, pin_command, run_workflow
from deploy.small_platform import VARIABLES, Platform
from local_engine import local_engine

pytestmark = pytest.mark.engine

FLOW = Path("environments") / "flow.toml"
PROD = Path("environments") / "prod.toml"


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path]
) -> Iterator[Platform]:
    """A platform that is up and has a source, and whose branch `main` goes to the environment `flow`."""
    local_engine()
    folder = new_platform(tmp_path_factory.mktemp("act") / "platform")
    found = Platform(folder, f"dataops-act-{os.getpid()}")
    found.write()
    pin_command(folder)
    prod = folder / PROD
    prod.write_text(prod.read_text().replace('branch = "main"', 'branch = "production"'))
    flow = folder / FLOW
    flow.write_text(f'{flow.read_text()}branch = "main"\n')
    found.commit("none")
    try:
        up = found.run("up")
        assert up.returncode == 0, up.stdout + up.stderr
        subprocess.run(
            ["docker", "exec", found.dbt, "dataops", "source", "generate"], check=True, capture_output=True
        )
        yield found
    finally:
        found.down()


def deploy(platform: Platform) -> Ran:
    event = {"ref": "refs/heads/main", "repository": {"full_name": "dev/platform"}}
    return _run(platform, "cd-deploy", event, name="push")


def roll_back(platform: Platform, sha: str, reason: str = "wrong numbers") -> Ran:
    event = {"inputs": {"environment": "flow", "sha": sha, "reason": reason}}
    return _run(platform, "cd-rollback", event, name="workflow_dispatch")


def _run(platform: Platform, workflow: str, event: dict[str, Any], *, name: str) -> Ran:
    secrets = platform.folder / "environments" / "flow.secrets.env"
    given = {"ENVIRONMENT_SECRETS": secrets.read_text() if secrets.exists() else "# it needs none"}
    variables = {"DBT_IMAGE": platform.repository, **VARIABLES}
    return run_workflow(platform.folder, workflow, event, name=name, variables=variables, secrets=given)


def test_deploys_and_rollbacks(platform: Platform) -> None:
    first = platform.commit("one")
    ran = deploy(platform)
    assert ran.ok, ran.output
    assert f"✅ Deploy of {first}, flow: succeeded" in ran.summary
    assert "flow is healthy" in ran.summary
    assert platform.releases()["current"] == first

    # Its container never becomes healthy: all is put back, which the summary tells.
    second = platform.commit("two", ill=True)
    ran = deploy(platform)
    assert ran.failed == ["deploy/Deploy"], ran.output
    assert f"❌ Deploy of {second}, flow: failed, and put back" in ran.summary
    assert f"back on {first}, and healthy" in ran.summary
    assert "back: " in ran.summary
    assert "::error title=dataops on flow" in ran.output
    assert ran.step("deploy/Health").ok
    assert platform.releases()["current"] == first

    third = platform.commit("three")
    assert deploy(platform).ok

    ran = roll_back(platform, "0123abc")
    assert ran.failed == ["rollback/Validate"]
    assert "There is no release 0123abc on the engine" in ran.output
    # What is typed is no option.
    assert roll_back(platform, "--no-rollback").failed == ["rollback/Validate"]
    assert platform.releases()["current"] == third

    ran = roll_back(platform, "", reason="--now $(touch injected)")
    assert ran.ok, ran.output
    assert f"✅ Rollback to {first}, flow: succeeded" in ran.summary
    last = platform.releases()["deployments"][0]
    assert (last["kind"], last["release"]) == ("rollback", first)
    assert last["reason"].startswith("--now $(touch injected) (by ")
    assert not list(platform.folder.parent.rglob("injected"))
    published = platform.published()
    assert published is not None
    assert published[0] == "one"
