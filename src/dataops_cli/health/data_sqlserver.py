"""Reading a warehouse in SQL Server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dataops_cli.settings.model import Settings
from dataops_cli.warehouse.sqlserver import state
from dataops_cli.warehouse.sqlserver.connection import Account, Connection, Server
from dataops_cli.warehouse.sqlserver.names import qualified

# Milliseconds that a check waits for a publication to let it through.
LOCK_TIMEOUT = 5000


@contextmanager
def sqlserver_reading(settings: Settings, *, all_of_it: bool) -> Iterator[SqlServerReading]:
    """As the reading login, or the building one, which sees `all_of_it`; a container knows the latter alone."""
    server = Server(settings)
    password = settings.warehouse.reader_password
    reads = bool(password and password.get_secret_value()) and not all_of_it
    with server.connect(Account.READER if reads else Account.BUILD) as connection:
        connection.execute(f"SET LOCK_TIMEOUT {LOCK_TIMEOUT}")
        yield SqlServerReading(connection, settings.warehouse.source_database)


class SqlServerReading:
    def __init__(self, connection: Connection, source_database: str) -> None:
        self._connection = connection
        self._source = source_database

    def name(self, *parts: str) -> str:
        return qualified(*parts)

    def source(self, schema: str, table: str) -> str:
        return qualified(self._source, schema, table)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.rows(sql)

    def kinds(self) -> dict[tuple[str, str], bool]:
        found = state.objects(self._connection)
        return {(schema.lower(), name.lower()): is_view for (schema, name), is_view in found.items()}
