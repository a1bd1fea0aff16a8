"""Queries that a user types on the embedded warehouse."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataops_cli.errors import DataopsError
from dataops_cli.warehouse.embedded import EmbeddedWarehouse
from dataops_cli.warehouse.embedded_calls import interruptible
from dataops_cli.warehouse.query import no_statement

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LIST_TABLES = 'List what there is with: dataops sql "select schema, name from (show all tables)"'


@contextmanager
def embedded_session(home: Path) -> Iterator[EmbeddedSession]:
    with EmbeddedWarehouse(home).connect() as connection:
        # Read-only goes for files, too: no COPY … TO.
        interruptible(connection, lambda: connection.execute("set enable_external_access = false"))
        yield EmbeddedSession(connection)


class EmbeddedSession:
    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection

    def answers(self, text: str) -> Generator[EmbeddedAnswer, None, None]:
        with explained():
            statements = self._connection.extract_statements(text)
        if not statements:
            raise no_statement()
        for statement in statements:
            with explained():
                cursor = interruptible(self._connection, partial(self._connection.execute, statement))
            yield EmbeddedAnswer(cursor)

    def is_complete(self, text: str) -> bool:
        return text.rstrip().endswith(";")

    def has_several_results(self, _text: str) -> bool:
        return False  # to find that out while they run does no harm: nothing is written


class EmbeddedAnswer:
    def __init__(self, cursor: DuckDBPyConnection) -> None:
        self._cursor = cursor
        self.columns = tuple(column[0] for column in cursor.description or ())

    def fetch(self, count: int | None) -> list[tuple[Any, ...]]:
        cursor = self._cursor
        with explained():
            return interruptible(
                cursor, cursor.fetchall if count is None else partial(cursor.fetchmany, count)
            )


@contextmanager
def explained() -> Iterator[None]:
    """Errors of DuckDB as DataopsError."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        lines = str(error).splitlines()
        raise DataopsError(
            lines[0], details=tuple(line for line in lines[1:] if line.strip()), hint=LIST_TABLES
        ) from error
