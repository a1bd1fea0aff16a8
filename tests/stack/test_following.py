"""Who follows logs while nothing runs, without an engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dataops_cli.docker_api import EngineError
from dataops_cli.errors import ExitCode
from dataops_cli.stack import log_stream
from dataops_cli.stack.lock_holder import as_labels, own_facts


class Engine:
    """Nothing runs on it. Somebody holds the lock until it has been looked at three times."""

    looks = 0

    def starts(self, _label: str) -> Iterator[str]:
        return iter(())

    def containers(self, *_labels: str) -> list[Any]:
        return []

    def inspect(self, _name: str) -> dict[str, Any]:
        self.looks += 1
        if self.looks > 3:
            raise EngineError("released", hint="", exit_code=ExitCode.UNAVAILABLE, status=404)
        labels = as_labels(own_facts("dataops restart", ""))
        return {"Id": "x", "Config": {"Labels": labels}, "State": {"Status": "created"}}


def test_a_command_that_may_start_them_again_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_stream, "COMING_BACK_SECONDS", 0.0)
    engine: Any = Engine()
    assert list(log_stream.Follower(engine, "p", (), {}, ()).lines()) == []
    assert engine.looks == 4
