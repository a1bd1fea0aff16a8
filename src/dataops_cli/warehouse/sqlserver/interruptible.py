"""Calls of the driver that Ctrl-C can end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from dataops_cli.threads import in_thread

if TYPE_CHECKING:
    import pyodbc

T = TypeVar("T")

# Seconds for which the server is given to end what was cancelled.
GRACE = 5.0


class Unanswered(KeyboardInterrupt):
    """Interrupted, and the server does not answer: whatever is asked of the connection waits for ever."""


def interruptible(cursor: pyodbc.Cursor, call: Callable[[], T]) -> T:
    """What `call` returns, which asks something of the server by `cursor`. Raises Unanswered, too.

    The driver waits in C, where Python hears no signal: so it does in a thread, and Ctrl-C has the server cancel.
    """
    future = in_thread(call, "query")
    try:
        return future.result()
    except KeyboardInterrupt:
        in_thread(cursor.cancel, "cancellation")
        try:
            future.exception(GRACE)
        except (TimeoutError, KeyboardInterrupt):
            raise Unanswered from None
        raise
