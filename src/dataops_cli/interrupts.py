"""Ctrl-C, SIGTERM and SIGHUP around code that does not pass on the KeyboardInterrupt that our handlers raise."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP, where it makes a difference to Ctrl-C: nobody is there to answer a question."""


@contextmanager
def interrupts_held(tell: Callable[[int], object] = lambda _number: None) -> Iterator[None]:
    """A signal is heard after the block: for code that cannot be left in the middle. `tell` is called at once."""
    heard: list[int] = []
    handlers = _handlers()

    def hold(number: int, _frame: FrameType | None) -> None:
        heard.append(number)
        tell(number)

    try:
        for number in handlers:
            signal.signal(number, hold)
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if heard:
            handlers[heard[0]](heard[0], None)


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """A signal is heard in the block, and KeyboardInterrupt raised at its end whatever became of it there: for code
    that makes another error of it, or none."""
    heard: list[int] = []
    handlers = _handlers()

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        handlers[number](number, frame)

    try:
        for number in handlers:
            signal.signal(number, hear)
        yield
    finally:
        for number, handler in handlers.items():
            if signal.getsignal(number) is hear:  # a handler may have put another in its place
                signal.signal(number, handler)
        if heard:
            raise KeyboardInterrupt


def _handlers() -> dict[int, Callable[[int, FrameType | None], Any]]:
    """By signal: none of one that is ignored, and none outside the main thread, which alone hears them."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {int(number): signal.getsignal(number) for number in SIGNALS}
    return {number: handler for number, handler in found.items() if callable(handler)}
