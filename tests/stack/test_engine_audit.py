"""The audit in the stack's state, on a real engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small_stack import SmallStack, unique

from dataops_cli import docker_api
from dataops_cli.stack.state import State, container_name
from support import Dataops, until

pytestmark = pytest.mark.engine


@pytest.fixture
def small(
    tmp_path: Path, new_platform: Callable[[Path], Path], dataops: Dataops, engine: docker_api.Engine
) -> Iterator[SmallStack]:
    stack = SmallStack(dataops, engine, new_platform(tmp_path / "platform"), unique("audit"))
    yield stack
    stack.sweep()


def audit(small: SmallStack) -> list[dict[str, Any]]:
    return list(json.loads(small.run("audit", "--json").stdout))


def outcomes(small: SmallStack) -> list[tuple[str, int | None]]:
    return [
        (item["command"].removeprefix("dataops ").removesuffix(" --env small"), item["exit_code"])
        for item in audit(small)
    ]


def on_the_engine(small: SmallStack) -> list[tuple[str, int | None]]:
    """What is seen from every machine: documents in the state, by command and exit code."""
    state = State(small.engine, small.name, f"{small.name}-deploy_state")
    return [(item["command"], item["exit_code"]) for item in state.documents("audit").values()]


def has_state(small: SmallStack) -> bool:
    names = [name for item in small.engine.containers() for name in item["Names"]]
    return f"/{container_name(small.name)}" in names


def test_what_changes_the_stack_is_recorded_with_its_outcome(small: SmallStack) -> None:
    assert small.run("up", "--plan").returncode == 0
    assert small.run("up").returncode == 0
    assert small.run("ps").returncode == 0
    assert small.run("restart", "web").returncode == 0
    assert small.run("restart", "nothing").returncode == 2
    assert small.run("lock", "acquire", "-m", "moving house").returncode == 0
    assert small.run("down").returncode == 4
    assert outcomes(small) == [
        ("down", 4),
        ("lock acquire -m 'moving house'", 0),
        ("restart nothing", 2),
        ("restart web", 0),
        ("up", 0),
    ]
    assert audit(small)[1]["reason"] == "moving house"
    assert ("dataops up --env small", 0) in on_the_engine(small)
    small.run("lock", "release")
    small.assert_whole()


def test_a_killed_command_leaves_a_trace(small: SmallStack) -> None:
    assert small.run("up").returncode == 0
    process = small.begin("up", "--force-recreate")
    until(lambda: small.locked)
    process.kill()
    process.communicate()
    assert outcomes(small)[0] == ("up --force-recreate", None)
    assert "has not ended" in small.run("audit").stdout
    assert ("dataops up --force-recreate --env small", None) in on_the_engine(small)


def test_the_first_up_leaves_a_trace_too_and_no_volume(small: SmallStack) -> None:
    process = small.begin("up")
    until(lambda: small.locked)
    process.kill()
    process.communicate()
    assert outcomes(small) == [("up", None)]


def test_a_stack_that_is_down_has_its_audit_and_nothing_else(small: SmallStack) -> None:
    assert small.run("up").returncode == 0
    assert has_state(small)
    assert small.run("down").returncode == 0
    assert not has_state(small)
    assert outcomes(small) == [("down", 0), ("up", 0)]
    assert ("dataops down --env small", 0) in on_the_engine(small)
    small.assert_down()


def test_with_the_volumes_the_audit_of_the_stack_goes_too(small: SmallStack) -> None:
    assert small.run("up").returncode == 0
    assert small.run("restart").returncode == 0
    done = small.run("down", "--volumes", "--yes")
    assert done.returncode == 0, done.stderr
    assert "audit" not in done.stderr
    assert small.engine.volumes(small.label) == []
    assert not has_state(small)
    # The entry of that command, and what was begun before there was a stack, are files of this machine.
    assert ("down --volumes --yes", 0) in outcomes(small)
    assert small.run("up").returncode == 0
    small.assert_whole()
