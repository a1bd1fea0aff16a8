"""Reading an embedded warehouse, several checks side by side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.warehouse.embedded import SOURCE_CATALOG, EmbeddedWarehouse, is_locked, opened_elsewhere

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CATALOG = "warehouse"


@contextmanager
def embedded_reading(home: Path, *, with_source: bool) -> Iterator[EmbeddedReading]:
    """A DuckDB of the check's own, to which the published file and the source are attached read-only: connections
    to the file itself would share one, with what is set and attached there."""
    import duckdb

    warehouse = EmbeddedWarehouse(home)
    with duckdb.connect(":memory:") as connection:
        _attach(connection, warehouse.link.resolve(), CATALOG, hint="Build it anew with: dataops run")
        if with_source and warehouse.source.exists():
            _attach(
                connection,
                warehouse.source,
                SOURCE_CATALOG,
                hint="Load it anew: dataops source load; or make sample data: dataops source generate",
            )
        connection.execute(f"use {CATALOG}")
        # Read-only goes for files, too: no COPY … TO.
        connection.execute("set enable_external_access = false")
        yield EmbeddedReading(connection, warehouse)


class EmbeddedReading:
    def __init__(self, connection: DuckDBPyConnection, warehouse: EmbeddedWarehouse) -> None:
        self._connection = connection
        self._warehouse = warehouse

    def name(self, *parts: str) -> str:
        return ".".join('"' + part.replace('"', '""') + '"' for part in parts)

    def source(self, schema: str, table: str) -> str:
        self._warehouse.require_source()
        return self.name(SOURCE_CATALOG, schema, table)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        import duckdb

        try:
            return self._connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise DataopsError(
                str(error).splitlines()[0],
                hint='See what there is: dataops sql "select schema, name from (show all tables)"; '
                "to build it anew: dataops run",
            ) from error

    def kinds(self) -> dict[tuple[str, str], bool]:
        found = self.rows(
            "select table_schema, table_name, table_type from information_schema.tables "
            "where table_catalog = current_catalog()"
        )
        return {(schema.lower(), name.lower()): kind == "VIEW" for schema, name, kind in found}


def _attach(connection: DuckDBPyConnection, path: Path, name: str, *, hint: str) -> None:
    import duckdb

    literal = str(path).replace("'", "''")
    try:
        connection.execute(f"attach '{literal}' as \"{name}\" (read_only)")
    except duckdb.Error as error:
        if is_locked(error):
            raise opened_elsewhere(path, error) from error
        raise DataopsError(
            f"Cannot open {path}: {str(error).splitlines()[0]}", hint=hint, exit_code=ExitCode.UNAVAILABLE
        ) from error
