"""A container that is being removed already, or is gone, as a killed command leaves it; without an engine."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from docker.errors import APIError, NotFound

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import ExitCode
from dataops_cli.stack.execute import Execution
from dataops_cli.stack.model import Stack
from dataops_cli.stack.observe import Container
from dataops_cli.stack.reconcile import Action, Operation

IN_PROGRESS = APIError("", mock.Mock(status_code=409), "removal of container x is already in progress")
FAILED = APIError("", mock.Mock(status_code=500), "driver failed to remove root filesystem")
GONE = NotFound("", mock.Mock(status_code=404), "No such container: x")


def engine(*answers: Any) -> Engine:
    """One that answers requests to remove a container like this, one after the other."""
    return Engine(mock.Mock(api_version="1.41", **{"remove_container.side_effect": answers}))


@pytest.mark.parametrize("answers", [[None], [GONE], [IN_PROGRESS, IN_PROGRESS, GONE], [IN_PROGRESS, None]])
def test_one_that_is_gone_or_goes_is_no_error(answers: list[Any]) -> None:
    engine(*answers).remove_if_there("x")


def test_a_removal_that_fails_is_an_error() -> None:
    with pytest.raises(EngineError, match="failed to remove root filesystem"):
        engine(IN_PROGRESS, FAILED).remove_if_there("x")


def test_a_removal_that_comes_to_no_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataops_cli.docker_api.engine.REMOVAL_SECONDS", 0.3)
    with pytest.raises(EngineError, match="already in progress"):
        engine(*[IN_PROGRESS] * 1000).remove_if_there("x")


@pytest.mark.parametrize("action", [Action.REMOVE, Action.RECREATE])
def test_up_goes_on_where_a_killed_command_has_removed_it(action: Action) -> None:
    gone = EngineError("gone", hint="", exit_code=ExitCode.UNAVAILABLE, status=404)
    engine = mock.Mock(
        **{
            "stop.side_effect": gone,
            "inspect.side_effect": gone,
            "create.return_value": "new",
            "image.return_value": {"Id": "i"},
        }
    )
    old: Any = mock.Mock(spec=Container, id="x", running=True)
    operation = Operation(action, "s-web-1", "", "web", 1, old)
    stack = Stack("s", mock.Mock(), (), {"web": {"image": "web"}})
    Execution(engine, stack).up([operation], wait_until_healthy=False, timeout=1)
    assert engine.start.call_args_list == [mock.call("new")] * (action is Action.RECREATE)
