"""Bulk copy: rows into a table over TDS's own bulk load, by Microsoft's mssql-python.

Measured in `benchmarks/load.py` beside pyodbc's `fast_executemany`, which takes about twice as long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.interrupts import interrupts_held
from dataops_cli.warehouse.sqlserver.connection import Account, Server
from dataops_cli.warehouse.sqlserver.errors import Asked, SqlServerError, described

# Rows that are sent, and that the server commits, at a time.
BATCH = 10_000
# Seconds for the server to take a batch. No signal is heard meanwhile, and no other thread runs: the call holds
# Python's lock to its end.
TIMEOUT = 60
_COMPLAINT = re.compile(
    r"Sql Error: (?P<number>\d+): Class \d+: State \d+: (?P<message>.*?)(?: on \S+ in .*)?$", re.S
)


def bulk_copy(
    server: Server, account: Account, database: str, table: str, rows: Iterable[tuple[Any, ...]]
) -> int:
    """Add rows to a table, in batches of BATCH, each a transaction of its own; returns how many.

    `table` is a quoted name; a row has a value for each of its columns, in their order. Raises SqlServerError for
    what the server refuses, or does not take in TIMEOUT seconds, and whatever `rows` raises: batches that were sent
    before stay.
    """
    # Ctrl-C inside this extension ends the program in C++ while it is imported; later it is told as an error of its
    # own, or taken for the end of the rows.
    with interrupts_held():
        import mssql_python

    @contextmanager
    def explained() -> Iterator[None]:
        try:
            yield
        except (mssql_python.Error, RuntimeError, ValueError) as error:
            raise _explained(error, server.asked(account)) from error

    mssql_python.pooling(enabled=False)
    # The connection holds no lock of ours: it is there to say where the rows go.
    with explained():
        connection = mssql_python.connect(server.address(account, database), autocommit=True)
    count = 0
    waiting = iter(rows)
    with closing(connection):
        while batch := list(islice(waiting, BATCH)):
            with explained(), interrupts_held():
                copied = connection.cursor().bulkcopy(table, batch, BATCH, timeout=TIMEOUT, table_lock=True)
            if copied["rows_copied"] != len(batch):
                raise DataopsError(
                    f"SQL Server at {server.place} took {copied['rows_copied']:,} of {len(batch):,} rows of {table}",
                    hint="Run the command again; what is in place was not touched.",
                    exit_code=ExitCode.FAILED,
                )
            count += len(batch)
    return count


def _explained(error: Exception, asked: Asked) -> SqlServerError:
    """The core's errors are texts: with SQL Server's number, or of the connection itself."""
    text = str(error)
    if complaint := _COMPLAINT.search(text):
        return described("42000", int(complaint["number"]), complaint["message"].strip(), asked)
    # A value that does not fit is refused before it is sent; staged rows have been checked.
    state = "22000" if isinstance(error, ValueError) else "08S01"
    return described(state, 0, text, asked)
