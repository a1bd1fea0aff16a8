"""The user's terminal, lent to a command in a container."""

from __future__ import annotations

import os
import signal
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from dataops_cli.docker_api import EngineError

STDIN, STDOUT, STDERR = 0, 1, 2


def is_terminal(descriptor: int) -> bool:
    """False also for a descriptor that is closed."""
    with suppress(OSError):
        return os.isatty(descriptor)
    return False


@contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """Every key goes to the command, Ctrl-C too. The terminal is as before afterwards, whatever happens."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextmanager
def same_size(resize: Callable[[int, int], None]) -> Iterator[None]:
    """Calls `resize(rows, columns)` now and whenever the size of the terminal changes."""
    changed = threading.Event()
    changed.set()
    ended = threading.Event()

    def follow() -> None:
        while changed.wait() and not ended.is_set():
            changed.clear()
            columns, rows = os.get_terminal_size(STDOUT)
            # A command that has ended, or is not yet started, has no size.
            with suppress(EngineError):
                resize(rows, columns)

    before = signal.signal(signal.SIGWINCH, lambda _signal, _frame: changed.set())
    follower = threading.Thread(target=follow, daemon=True, name="terminal size")
    follower.start()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
        ended.set()
        changed.set()
    follower.join()  # not where the block was interrupted: it may wait for the engine
