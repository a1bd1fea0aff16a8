"""The files that a stack keeps on its engine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import pytest

from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError
from dataops_cli.stack import labels
from dataops_cli.stack.state import State

PYTHON = "dataops-test/python:3.11"  # it has `rm`

pytestmark = pytest.mark.engine


@pytest.fixture
def state(engine: Engine, swept: Callable[[str], None]) -> State:
    name = f"dataops-state-test-{os.getpid()}"
    swept(name)
    return State(engine, name, f"{name}-deploy_state")


def test_what_cannot_be_removed_is_an_error(state: State) -> None:
    state.add("journal/1.json", {"number": 1})
    its_labels = {labels.PROJECT: state.project, labels.SERVICE: "web", labels.CONFIG_HASH: "x"}
    given = [word for label, value in its_labels.items() for word in ("--label", f"{label}={value}")]
    subprocess.run(["docker", "create", *given, PYTHON], check=True, capture_output=True)
    with pytest.raises(DataopsError, match="1 old files could not be removed"):
        state.remove([""])  # the volume itself
    state.remove(["journal/1.json"])
    assert state.documents("journal") == {}


def test_another_volume_is_not_written_through_the_old_container(state: State) -> None:
    """As after another stack.prefix."""
    state.add("journal/1.json", {"number": 1})
    other = State(state.engine, state.project, f"{state.volume}-2")
    other.add("journal/2.json", {"number": 2})
    assert list(other.documents("journal")) == ["2"]
    assert list(state.documents("journal")) == ["1"]
