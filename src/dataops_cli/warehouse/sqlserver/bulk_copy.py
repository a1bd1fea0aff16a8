"""Bulk copy: rows into a table over TDS's own bulk load, by Microsoft's mssql-python.

Measured in `benchmarks/load.py` beside pyodbc's `fast_executemany`, which takes about two and a half times as long.
"""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.warehouse.sqlserver.connection import Account, Server
from dataops_cli.warehouse.sqlserver.errors import Asked, SqlServerError, described

# Rows that the server commits at a time.
BATCH = 10_000
_COMPLAINT = re.compile(
    r"Sql Error: (?P<number>\d+): Class \d+: State \d+: (?P<message>.*?)(?: on \S+ in .*)?$", re.S
)


def bulk_copy(
    server: Server, account: Account, database: str, table: str, rows: Iterable[tuple[Any, ...]]
) -> int:
    """Add rows to a table, in batches of BATCH, each a transaction of its own; returns how many.

    `table` is a quoted name; a row has a value for each of its columns, in their order. Raises SqlServerError for
    what the server refuses, and whatever `rows` raises: batches that were sent before stay.
    """
    with _undisturbed():
        import mssql_python

    source = _Watched(rows)
    mssql_python.pooling(enabled=False)
    try:
        # The connection holds no lock of ours: it is there to say where the rows go.
        with mssql_python.connect(server.address(account, database), autocommit=True) as connection:
            copied = connection.cursor().bulkcopy(table, iter(source), BATCH, timeout=0, table_lock=True)
    except (mssql_python.Error, RuntimeError, ValueError) as error:
        if source.error:
            raise source.error from error
        raise _explained(error, server.asked(account)) from error
    # Bulk copy takes an error of the iterator, Ctrl-C among them, for its end.
    if source.error:
        raise source.error
    if copied["rows_copied"] != source.count:
        raise DataopsError(
            f"SQL Server at {server.place} took {copied['rows_copied']:,} of {source.count:,} rows of {table}",
            hint="Run the command again; what is in place was not touched.",
            exit_code=ExitCode.FAILED,
        )
    return source.count


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C is heard after the block: where this extension is being initialised, it would end the program in C++."""
    heard: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours = {
        number: handler for number, handler in before.items() if callable(handler)
    }  # none that is ignored
    if threading.current_thread() is not threading.main_thread():  # which alone hears signals
        ours = {}
    for number in ours:
        signal.signal(number, lambda number, _frame: heard.append(number))
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
    if heard:
        raise KeyboardInterrupt


class _Watched:
    """An iterable that knows how many rows it gave, and what went wrong in it."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._rows = rows
        self.count = 0
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        try:
            for row in self._rows:
                yield row
                self.count += 1
        except BaseException as error:
            self.error = error
            raise


def _explained(error: Exception, asked: Asked) -> SqlServerError:
    """The core's errors are texts: with SQL Server's number, or of the connection itself."""
    text = str(error)
    if complaint := _COMPLAINT.search(text):
        return described("42000", int(complaint["number"]), complaint["message"].strip(), asked)
    # A value that does not fit is refused before it is sent; staged rows have been checked.
    state = "22000" if isinstance(error, ValueError) else "08S01"
    return described(state, 0, text, asked)
