"""Calls to DuckDB that Ctrl-C can end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, TypeVar

from dataops_cli.interrupts import interrupts_held
from dataops_cli.threads import in_thread

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")

# Seconds between two requests to end: DuckDB forgets one that comes before the query has begun.
PAUSE = 0.1


def interruptible(connection: DuckDBPyConnection, call: Callable[[], T]) -> T:
    """What `call` returns, which asks something of the connection. After an interrupt nothing runs there any more.

    It is asked in a thread: in the main one DuckDB makes a RuntimeError of an interrupt, or hears none while it waits
    for its own threads.
    """
    running: Future[T] | None = None
    try:
        with interrupts_held():  # a call that has begun is known
            running = in_thread(call, "query")
        return running.result()
    except KeyboardInterrupt:
        with interrupts_held():
            while running and not running.done():
                connection.interrupt()
                wait((running,), PAUSE)
        raise


class InterruptibleConnection:
    """A connection on which every statement is interruptible."""

    def __init__(self, raw: DuckDBPyConnection) -> None:
        self._raw = raw

    def execute(self, statement: str, parameters: Any = None) -> DuckDBPyConnection:
        return interruptible(self._raw, lambda: self._raw.execute(statement, parameters))
