"""The user's terminal, and an engine that hangs."""

from __future__ import annotations

import os
import threading

import pytest

from dataops_cli.stack.terminal import same_size


def test_who_leaves_does_not_wait_for_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, go_on, answered = threading.Event(), threading.Event(), threading.Event()

    def resize(_rows: int, _columns: int) -> None:
        asked.set()
        go_on.wait(20)
        answered.set()

    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((80, 24)))
    with pytest.raises(KeyboardInterrupt), same_size(resize):  # noqa: PT012
        assert asked.wait(20)
        raise KeyboardInterrupt
    assert not answered.is_set()
    go_on.set()
