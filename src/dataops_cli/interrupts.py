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
    is_over = False

    def hold(number: int, frame: FrameType | None) -> None:
        if is_over:  # the handlers are being put back, which an interrupt may leave undone
            handlers[number](number, frame)
        heard.append(number)
        tell(number)

    try:
        for number in handlers:
            signal.signal(number, hold)
        yield
    finally:
        is_over = True
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if heard:
            handlers[heard[0]](heard[0], None)


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """The KeyboardInterrupt of a signal in the block is raised again at its end, whatever became of it there: for code
    that makes another error of it, or none."""
    heard: list[KeyboardInterrupt] = []
    handlers = _handlers()

    def hear(number: int, frame: FrameType | None) -> None:
        try:
            handlers[number](number, frame)
        except KeyboardInterrupt as interrupt:
            heard.append(interrupt)
            raise

    try:
        for number in handlers:
            signal.signal(number, hear)
        yield
    finally:
        for number, handler in handlers.items():
            if signal.getsignal(number) is hear:  # a handler may have put another in its place
                signal.signal(number, handler)
        if heard:
            raise heard[0]


def _handlers() -> dict[int, Callable[[int, FrameType | None], Any]]:
    """By signal: none of one that is ignored, and none outside the main thread, which alone hears them."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {int(number): signal.getsignal(number) for number in SIGNALS}
    return {number: handler for number, handler in found.items() if callable(handler)}
