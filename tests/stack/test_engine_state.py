"""The files that a stack keeps on its engine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.stack import fence, labels
from dataops_cli.stack.state import State

PYTHON = "dataops-test/python:3.11"  # it has `rm`

pytestmark = pytest.mark.engine


@pytest.fixture
def state(engine: Engine, swept: Callable[[str], None]) -> State:
    name = f"dataops-state-test-{os.getpid()}"
    swept(name)
    return State(engine, name, f"{name}-deploy_state")


def make_container(state: State) -> None:
    """One of the stack's, whose image has `rm`."""
    its_labels = {labels.PROJECT: state.project, labels.SERVICE: "web", labels.CONFIG_HASH: "x"}
    given = [word for label, value in its_labels.items() for word in ("--label", f"{label}={value}")]
    subprocess.run(["docker", "create", *given, PYTHON], check=True, capture_output=True)


def test_what_cannot_be_removed_is_an_error(state: State) -> None:
    state.add("journal/1.json", {"number": 1})
    make_container(state)
    with pytest.raises(DataopsError, match="1 old files could not be removed"):
        state.remove([""])  # the volume itself
    state.remove(["journal/1.json"])
    assert state.documents("journal") == {}


def test_a_kill_while_files_are_removed_keeps_no_volume(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.add("journal/1.json", {"number": 1})
    make_container(state)

    class Killed(BaseException):
        pass

    remove = Engine.remove

    def killed(engine: Engine, container: str) -> None:
        if len(container) == 64:  # what it made, by its id
            raise Killed
        remove(engine, container)

    with monkeypatch.context() as during:
        during.setattr(Engine, "remove", killed)
        with pytest.raises(Killed):
            state.remove(["journal/1.json"])
    state.take_away()
    state.engine.remove_volume(state.volume)


def test_another_volume_is_not_written_through_the_old_container(state: State) -> None:
    """As after another stack.prefix."""
    state.add("journal/1.json", {"number": 1})
    other = State(state.engine, state.project, f"{state.volume}-2")
    other.add("journal/2.json", {"number": 2})
    assert list(other.documents("journal")) == ["2"]
    assert list(state.documents("journal")) == ["1"]


def test_another_command_takes_the_container_away_meanwhile(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.add("journal/1.json", {"number": 1})
    inspect = Engine.inspect

    def too_late(engine: Engine, container: str) -> dict[str, Any]:
        monkeypatch.undo()
        engine.remove(container)
        return inspect(engine, container)

    monkeypatch.setattr(Engine, "inspect", too_late)
    assert list(state.documents("journal")) == ["1"]


def hold() -> None:
    """The check of who believes that it holds the lock of the stack."""


def prune(state: State) -> None:
    """As `docker container prune` does to containers that never ran."""
    label = f"{fence.PROJECT}={state.project}"
    for item in state.engine.containers(label):
        state.engine.remove(item["Id"])


def test_a_holder_believed_dead_writes_nothing_more(state: State) -> None:
    """Its lock still seems to be held: the engine itself refuses it."""
    dead = state.behind(0, hold)
    dead.add("journal/1.json", {"by": "the first"})
    alive = state.behind(0, hold)
    for write in (
        lambda: dead.add("journal/2.json", {"by": "the first"}),
        lambda: dead.put_pieces(iter([b""])),
    ):
        with pytest.raises(DataopsError, match="no longer holds the lock") as caught:
            write()
        assert caught.value.exit_code == ExitCode.LOCKED
    alive.add("journal/3.json", {"by": "the second"})
    assert {name: document["fence"] for name, document in state.documents("journal").items()} == {
        "1": 1,
        "3": 2,
    }


def test_a_holder_believed_dead_removes_nothing_more(state: State) -> None:
    make_container(state)
    dead = state.behind(0, hold)
    dead.add("journal/1.json", {})
    state.behind(0, hold)
    with pytest.raises(DataopsError, match="no longer holds the lock"):
        dead.remove(["journal/1.json"])
    assert list(state.documents("journal")) == ["1"]


def test_a_write_under_way_when_the_lock_is_taken_over(state: State) -> None:
    """The container is looked at, then it is removed, then the write arrives."""
    dead = state.behind(0, hold)

    def write() -> None:
        with dead._writer() as container:
            state.behind(0, hold)
            dead.engine.put_archive(container, "/state", b"")

    with pytest.raises(DataopsError, match="no longer holds the lock") as caught:
        write()
    assert caught.value.exit_code == ExitCode.LOCKED


def test_a_clean_up_of_the_engine_takes_nothing_from_who_holds_the_lock(state: State) -> None:
    held = state.behind(6, hold)
    prune(state)
    held.add("journal/1.json", {})
    assert state.documents("journal")["1"]["fence"] == 7


def test_who_had_the_same_number_before_a_clean_up_is_shut_out(state: State) -> None:
    dead = state.behind(0, hold)
    prune(state)
    alive = state.behind(0, hold)  # nothing says that 1 was drawn before
    with pytest.raises(DataopsError, match="no longer holds the lock"):
        dead.add("journal/1.json", {})
    alive.add("journal/2.json", {})


def test_nothing_is_left_of_a_fence(state: State) -> None:
    state.behind(0, hold).shut()
    killed = state.behind(0, hold)
    killed.take_away()
    assert state.engine.containers(f"{fence.PROJECT}={state.project}") == []
