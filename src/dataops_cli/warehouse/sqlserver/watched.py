"""A long statement with its progress, which Ctrl-C ends."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from contextlib import suppress
from typing import TYPE_CHECKING

from dataops_cli.warehouse.sqlserver.connection import Account, Connection, Server
from dataops_cli.warehouse.sqlserver.errors import SqlServerError, explained
from dataops_cli.warehouse.sqlserver.restore_statements import percent

if TYPE_CHECKING:
    import pyodbc

# Seconds: between two looks at the progress, and for a cancelled statement to end.
LOOK, END = 0.5, 30.0


def run_watched(
    connection: Connection,
    watcher: Connection,
    sql: str,
    server: Server,
    on_percent: Callable[[float], None],
) -> None:
    """Run a batch on `connection` in a thread of its own, and tell how far it is, as `watcher` sees it.

    A KeyboardInterrupt cancels it and is raised when it has ended, or does not, or with the next one. Raises
    SqlServerError.
    """
    session = int(connection.value("SELECT @@SPID"))
    connection.raw.timeout = 0  # warehouse.query_timeout is for queries; this one can be cancelled
    cursor = connection.raw.cursor()
    running = connection.begin(lambda: _run(cursor, sql, server), "restore")
    try:
        while not wait([running], timeout=LOOK).done:
            if done := _percent(watcher, session):
                on_percent(done)
    except KeyboardInterrupt:
        _cancel(cursor)
        wait([running], timeout=END)
        raise
    finally:
        # Never in its thread: the driver crashes where a cursor is closed while another thread is cancelling it.
        if running.done():
            _close(cursor)
    running.result()


def _run(cursor: pyodbc.Cursor, sql: str, server: Server) -> None:
    import pyodbc

    try:
        cursor.execute(sql)
        # Each message is a result; closing before the last one ends the restore in the middle (pyodbc issue 1376).
        while cursor.nextset():
            pass
    except pyodbc.Error as error:
        raise explained(error, server.asked(Account.ADMIN)) from error


def _cancel(cursor: pyodbc.Cursor) -> None:
    import pyodbc

    with suppress(pyodbc.Error):  # it has just ended
        cursor.cancel()


def _close(cursor: pyodbc.Cursor) -> None:
    import pyodbc

    with suppress(pyodbc.Error):  # its connection was lost
        cursor.close()


def _percent(watcher: Connection, session: int) -> float:
    """0 where it is not known: progress is worth no error."""
    try:
        return float(watcher.value(percent(session)) or 0)
    except SqlServerError:
        return 0
