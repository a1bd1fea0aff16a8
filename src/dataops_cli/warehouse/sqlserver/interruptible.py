"""A cursor whose calls Ctrl-C can end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from dataops_cli.warehouse.sqlserver.connection import Connection

T = TypeVar("T")

# Seconds for which the server is given to end what was cancelled.
GRACE = 5.0


class InterruptibleCursor:
    """A cursor of a connection that has no other, which is asked in threads, one call at a time.

    An interrupt leaves a call behind that still runs, and the driver does not survive that its cursor is closed
    meanwhile: `close` must be called.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.raw = connection.raw.cursor()

    def ask(self, call: Callable[[], T]) -> T:
        """What `call` returns, which asks something of the server by this cursor."""
        return self._connection.begin(call, "query").result()

    def close(self) -> None:
        """Have the server cancel what still runs, and the rows that were not fetched. Raises KeyboardInterrupt where it
        does not: the connection is then not closed either."""
        if not self._connection.is_idle():
            self._connection.begin(self.raw.cancel, "cancellation")
            if not self._connection.is_idle(GRACE):
                raise KeyboardInterrupt
        self.ask(self._free)

    def _free(self) -> None:
        import pyodbc

        with suppress(pyodbc.Error):  # the connection was lost
            self.raw.cancel()
            self.raw.close()
