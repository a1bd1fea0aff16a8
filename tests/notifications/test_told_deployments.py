"""Which deployments are told, and as what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.deploy import telling
from dataops_cli.deploy.journal import Kind
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.notifications.events import Event


@dataclass(frozen=True)
class Carried:
    """A deploy that is refused, or that begins and ends as it is told."""

    refused: bool = False
    fault: DataopsError | None = None
    begun: Callable[[], None] = lambda: None
    kind: Kind = Kind.DEPLOY
    workspace: Any = field(default_factory=lambda: SimpleNamespace(release="b"))
    request: Any = field(default_factory=lambda: SimpleNamespace(reason=""))

    def carry_out(self) -> str:
        if not self.refused:
            self.begun()
        if self.fault:
            raise self.fault
        return "done"


def fault(code: ExitCode) -> DataopsError:
    return DataopsError("it did not work", hint="Look.", exit_code=code)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (Carried(), [Event.DEPLOY_STARTED, Event.DEPLOY_SUCCEEDED]),
        (Carried(fault=fault(ExitCode.FAILED)), [Event.DEPLOY_STARTED, Event.DEPLOY_FAILED]),
        (Carried(fault=fault(ExitCode.UNAVAILABLE)), [Event.DEPLOY_STARTED, Event.DEPLOY_FAILED]),
        (Carried(refused=True, fault=fault(ExitCode.UNAVAILABLE)), []),
        (Carried(refused=True, fault=fault(ExitCode.REFUSED)), []),
    ],
)
def test_a_refused_deploy_is_not_told(
    change: Carried, told: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Event] = []
    monkeypatch.setattr(telling, "is_configured", lambda _environment: False)
    monkeypatch.setattr(telling, "tell", lambda _environment, _console, event, _facts: events.append(event))
    site: Any = SimpleNamespace(name="prod", environment=None, console=None)
    if change.fault:
        with pytest.raises(DataopsError):
            telling.carry_out_and_tell(site, change)  # type: ignore[arg-type]
    else:
        telling.carry_out_and_tell(site, change)  # type: ignore[arg-type]
    assert events == told
