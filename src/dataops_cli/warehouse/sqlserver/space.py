"""Whether a build fits: SQL Server Express holds only so much, and stops in the middle of a build."""

from __future__ import annotations

from collections.abc import Collection

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.warehouse.sqlserver.connection import Connection
from dataops_cli.warehouse.sqlserver.names import identifier

EDITION = (
    "SELECT CAST(SERVERPROPERTY('EngineEdition') AS int), CAST(SERVERPROPERTY('ProductMajorVersion') AS int)"
)
EXPRESS, SQL_SERVER_2025 = 4, 17
PAGE = 8192
# A table is there twice while it is built: dbt fills it and indexes it, and sorts in tempdb.
MARGIN = 1.3

# Bytes by table, of what a database's tables take.
SIZES = (
    "SELECT s.name, t.name, SUM(a.total_pages) "
    "FROM {database}.sys.tables t "
    "JOIN {database}.sys.schemas s ON s.schema_id = t.schema_id "
    "JOIN {database}.sys.partitions p ON p.object_id = t.object_id "
    "JOIN {database}.sys.allocation_units a ON a.container_id = p.partition_id "
    "GROUP BY s.name, t.name"
)


def size_limit(connection: Connection) -> int | None:
    """Bytes that the server allows a database, None for an edition without a limit.

    Source: Microsoft, "Editions and supported features of SQL Server" 2017 to 2025, "Scale limits".
    """
    edition, version = connection.rows(EDITION)[0]
    if edition != EXPRESS:
        return None
    return (50 if version >= SQL_SERVER_2025 else 10) * 2**30


def require_space(
    connection: Connection, database: str, source_database: str, tables: Collection[tuple[str, str]]
) -> None:
    """Before `tables` (schema, name) are built beside those that are published.

    Raises DataopsError (exit 3) where they will not fit. Does nothing on an edition without a limit.
    """
    limit = size_limit(connection)
    if limit is None:
        return
    sizes = _sizes(connection, database)
    needed = sum(sizes.get((schema.lower(), name.lower()), 0) for schema, name in tables)
    if not needed:  # a first build: what it reads is the best guess
        needed = sum(_sizes(connection, source_database).values())
    used = sum(sizes.values())
    if used + needed * MARGIN > limit:
        raise DataopsError(
            f"The build would need some {_gb(needed * MARGIN)} GB, and {database} has {_gb(limit - used)} GB "
            f"left of the {limit // 2**30} GB that SQL Server Express holds",
            hint="Keep fewer generations (warehouse.keep_generations), or use an edition without the limit.",
            exit_code=ExitCode.UNAVAILABLE,
        )


def _sizes(connection: Connection, database: str) -> dict[tuple[str, str], int]:
    found = connection.rows(SIZES.format(database=identifier(database)))
    return {(schema.lower(), name.lower()): int(pages or 0) * PAGE for schema, name, pages in found}


def _gb(size: float) -> str:
    return f"{max(size, 0) / 2**30:.1f}"
