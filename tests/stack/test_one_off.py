"""A container for one command, without an engine."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.stack import one_off


def test_ctrl_c_while_it_is_made_leaves_no_container(monkeypatch: pytest.MonkeyPatch) -> None:
    there: list[str] = []

    def create(name: str, _config: object) -> str:
        there.append(name)
        os.kill(os.getpid(), signal.SIGINT)
        return name

    for told in ("image_of", "one_off_config", "one_off_endpoints"):
        monkeypatch.setattr(one_off, told, lambda *_: {})
    engine: Any = SimpleNamespace(image=lambda _: None, create=create, remove=there.remove)
    full: Any = SimpleNamespace(stack=SimpleNamespace(name="p"))
    with pytest.raises(KeyboardInterrupt):
        one_off.run_one_off(engine, full, "dbt", ["true"])
    assert there == []
