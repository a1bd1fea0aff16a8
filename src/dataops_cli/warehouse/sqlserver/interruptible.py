"""A cursor whose calls Ctrl-C can end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from dataops_cli.threads import in_thread

if TYPE_CHECKING:
    import pyodbc

T = TypeVar("T")

# Seconds for which the server is given to end what was cancelled.
GRACE = 5.0


class Unanswered(KeyboardInterrupt):
    """Interrupted, and the server does not answer: whatever is asked of the connection waits for ever."""


class InterruptibleCursor:
    """A cursor that is asked in threads, one call at a time: the driver waits in C, where Python hears no signal.

    An interrupt leaves a call behind that still runs, and the driver does not survive that its cursor, or the
    connection, is closed meanwhile: `close` must be called, and comes back when nothing runs any more.
    """

    def __init__(self, raw: pyodbc.Cursor) -> None:
        self.raw = raw
        self._ended = Event()
        self._ended.set()

    def ask(self, call: Callable[[], T]) -> T:
        """What `call` returns, which asks something of the server by this cursor."""
        # Known before the thread begins: an interrupt may come at any moment.
        self._ended = ended = Event()

        def run() -> T:
            try:
                return call()
            finally:
                ended.set()

        return in_thread(run, "query").result()

    def close(self) -> None:
        """Have the server cancel what still runs, and the rows that were not fetched. Raises Unanswered where it
        does not: the connection is then to be left to itself."""
        try:
            if not self._ended.is_set():
                cancellation = in_thread(self.raw.cancel, "cancellation")
                if not self._ended.wait(GRACE) or wait((cancellation,), GRACE).not_done:
                    raise Unanswered
            self.ask(self._free)
        except Unanswered:
            raise
        except KeyboardInterrupt:
            if not self._ended.wait(GRACE):
                raise Unanswered from None
            raise

    def _free(self) -> None:
        import pyodbc

        with suppress(pyodbc.Error):  # the connection was lost
            self.raw.cancel()
            self.raw.close()
