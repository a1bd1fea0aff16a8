"""Signals that this process gets, passed on to a command in a container.

The engine passes no signal to a command, and knows it by the number that it has on the engine's own machine.
So the command is found from within, by a token in its environment.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import FrameType

from dataops_cli.docker_api import Engine, EngineError

TOKEN = "DATAOPS_CALL"  # noqa: S105 (the name of a variable)
FORWARDED = (signal.SIGINT, signal.SIGTERM)
# The signal that is heard here: an engine, a network or a command that hangs makes nothing of those before.
HEARD_HERE = 3
# Sends signal $1 to every process with the variable $0 in its environment, and prints their numbers.
SCRIPT = """
grep -lsxz "$0" /proc/[0-9]*/environ | while IFS=/ read -r _ _ pid _; do
    kill -s "$1" "$pid" && echo "$pid"
done
"""


@dataclass
class Forwarding:
    """What has been passed on to the command with the token."""

    engine: Engine
    container: str
    token: str
    names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._waiting: SimpleQueue[str] = SimpleQueue()
        self._ended = threading.Event()

    @contextmanager
    def forwarding(self) -> Iterator[None]:
        """Pass SIGINT and SIGTERM on while the block runs, which none but the third one interrupts."""
        before = {number: signal.getsignal(number) for number in FORWARDED}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._take)
        sender = threading.Thread(target=self._send, daemon=True, name="signals")
        sender.start()
        try:
            yield
        finally:
            self._ended.set()
            self._waiting.put("")
            for number, handler in before.items():
                signal.signal(number, handler)
        sender.join()  # not where the block was interrupted: it may wait for the engine

    def _take(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name.removeprefix("SIG")
        self.names.append(name)
        if len(self.names) >= HEARD_HERE:
            raise KeyboardInterrupt
        self._waiting.put(name)

    def _send(self) -> None:
        while name := self._waiting.get():
            # The command may not be there yet, or no more.
            while not self._ended.is_set() and not self._sent(name):
                self._ended.wait(0.1)

    def _sent(self, name: str) -> bool:
        with suppress(EngineError):
            command = ["sh", "-c", SCRIPT, f"{TOKEN}={self.token}", name]
            return bool(self.engine.exec(self.container, command)[1])
        return False
