"""The seven tables in SQL Server: loaded aside from a staged DuckDB file, then switched in together.

The file has been checked already, so that what is sent here is right; `source restore` is the other way to a source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.interrupts import interrupts_kept
from dataops_cli.source.tables import SCHEMAS, TABLES, Table
from dataops_cli.warehouse.sqlserver import lease as leases
from dataops_cli.warehouse.sqlserver import state
from dataops_cli.warehouse.sqlserver.bulk_copy import BATCH, bulk_copy
from dataops_cli.warehouse.sqlserver.connection import Account, Connection, Server
from dataops_cli.warehouse.sqlserver.moment import GIVE_WAY, in_a_moment
from dataops_cli.warehouse.sqlserver.names import identifier, literal, qualified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LOADING = "__loading"
# Seconds for the server to undo what was under way.
UNDONE = 20
# Says that the tables are ours to replace. A restored database has none.
MARKER = "[dbo].[dataops_source]"


def load(
    server: Server, staged: Path, *, command: str, lock_wait: float, on_progress: Callable[[str], None]
) -> None:
    """Replace the source tables of `server` by those of the DuckDB file `staged`, all at once and between runs.

    The database and its schemas are made where they are missing. `command` is shown to a run that has to wait.
    Raises DataopsError: exit 4 while another load or a run goes on, exit 5 where tables are in place that no load
    made, SqlServerError for what the server refuses.
    """
    database = server.settings.warehouse.source_database
    with server.connect(Account.ADMIN, "master") as connection:
        if connection.value("SELECT DB_ID(?)", database) is None:
            connection.execute(f"CREATE DATABASE {identifier(database)}")
    with server.connect(Account.ADMIN, database) as connection:
        if not leases.take(connection, leases.LOAD_LOCK, wait=lock_wait):
            raise DataopsError(
                f"Another load into {database} is going on",
                hint="Wait for it with --lock-wait 10m",
                exit_code=ExitCode.LOCKED,
            )
        refuse_foreign_tables(connection, database)
        try:
            for statement in preparation():
                connection.execute(statement)
            _send(server, connection, staged, on_progress)

            def switch() -> None:
                with connection.transaction(lock_timeout=GIVE_WAY):
                    for statement in switch_in(datetime.now(UTC).isoformat(timespec="seconds")):
                        connection.execute(statement)

            # Bronze are views on these tables: in the middle of a run, silver would come from two sources.
            with _no_run(server, command, lock_wait):
                in_a_moment(switch, server.settings.warehouse.publish_timeout)
        except BaseException:
            connection.close()  # with its lock, and all that it was about
            _drop_aside(server, database)
            raise


def require_ready(server: Server, *, command: str, lock_wait: float) -> None:
    """Raises DataopsError, as `load` does, for what is known before rows are staged and sent: the server cannot be
    reached, a run goes on, or tables are in place that no load made."""
    database = server.settings.warehouse.source_database
    with server.connect(Account.ADMIN, "master") as connection:
        is_there = connection.value("SELECT DB_ID(?)", database) is not None
    if is_there:
        with server.connect(Account.ADMIN, database) as connection:
            refuse_foreign_tables(connection, database)
    with _no_run(server, command, lock_wait):
        pass


def _send(server: Server, connection: Connection, staged: Path, on_progress: Callable[[str], None]) -> None:
    """Make the tables aside, and fill them."""
    import duckdb

    database = server.settings.warehouse.source_database
    with interrupts_kept(), duckdb.connect(str(staged), read_only=True) as staged_rows:
        for table in TABLES:
            connection.execute(create_table(table))
            count = bulk_copy(server, Account.ADMIN, database, _aside(table), _rows(staged_rows, table))
            on_progress(f"{table.full_name}: {count:,} rows sent")


def _drop_aside(server: Server, database: str) -> None:
    """Leave nothing of a load that failed, where the server can be reached and no other load has begun."""
    with suppress(DataopsError), server.connect(Account.ADMIN, database) as connection:
        if leases.take(connection, leases.LOAD_LOCK, wait=UNDONE):
            connection.execute(f"SET LOCK_TIMEOUT {UNDONE * 1000}")
            connection.execute_all(_drops())


@contextmanager
def _no_run(server: Server, command: str, wait: float) -> Iterator[None]:
    """No run begins while the block goes on. Raises DataopsError (exit 4) while one is under way."""
    warehouse = server.settings.warehouse.database
    with server.connect(Account.ADMIN, "master") as connection:
        lease = literal(qualified(warehouse, state.SCHEMA, "lease"))
        is_set_up = connection.value(f"SELECT OBJECT_ID({lease}, N'U')") is not None
    if not is_set_up:
        yield
        return
    with server.connect(Account.ADMIN, warehouse) as connection:
        leases.acquire(connection, command, wait=wait)
        yield


def exists(server: Server) -> bool:
    """Whether there is a source: all seven tables, loaded or restored."""
    database = server.settings.warehouse.source_database
    names = [literal(qualified(database, table.schema, table.name)) for table in TABLES]
    with server.connect(Account.ADMIN, "master") as connection:
        found = connection.rows(f"SELECT {', '.join(f'OBJECT_ID({name})' for name in names)}")
    return None not in found[0]


def refuse_foreign_tables(connection: Connection, database: str) -> None:
    """Raises DataopsError (exit 5) where one of the tables is there and no load has made it."""
    if connection.value(f"SELECT OBJECT_ID({literal(MARKER)}, N'U')") is not None:
        return
    for table in TABLES:
        if connection.value(f"SELECT OBJECT_ID({literal(table.full_name)}, N'U')") is not None:
            raise DataopsError(
                f"The database {database} has a table {table.full_name} that dataops has not loaded, such as a "
                "restored one: it is not replaced",
                hint="Load into another database (warehouse.source_database), or restore again with "
                "dataops source restore --force",
                exit_code=ExitCode.REFUSED,
            )


def preparation() -> list[str]:
    """The schemas, and nothing left of a load that was killed."""
    return [
        *(
            f"IF NOT EXISTS (SELECT 1 FROM sys.schemas WHERE name = {literal(schema)}) "
            f"EXEC({literal(f'CREATE SCHEMA {identifier(schema)}')})"
            for schema in SCHEMAS
        ),
        *_drops(),
    ]


def _drops() -> list[str]:
    return [f"DROP TABLE IF EXISTS {_aside(table)}" for table in TABLES]


def create_table(table: Table) -> str:
    """The table aside: AdventureWorks' base types, what SQL Server would compute as a stored value, the key alone."""
    columns = [
        f"{identifier(column.name)} {column.type} {'NULL' if column.nullable else 'NOT NULL'}"
        for column in table.columns
    ]
    # Without a name: a name would be taken by the table that is still in place.
    columns.append(f"PRIMARY KEY ({', '.join(map(identifier, table.primary_key))})")
    return f"CREATE TABLE {_aside(table)} ({', '.join(columns)})"


def switch_in(loaded_at: str) -> list[str]:
    """The statements of the one transaction that puts all tables in place."""
    statements = []
    for table in TABLES:
        statements.append(f"DROP TABLE IF EXISTS {qualified(table.schema, table.name)}")
        aside = f"{table.schema}.{table.name}{LOADING}"
        statements.append(f"EXEC sp_rename {literal(aside)}, {literal(table.name)}, N'OBJECT'")
    return [
        *statements,
        f"DROP TABLE IF EXISTS {MARKER}",
        f"CREATE TABLE {MARKER} (loaded_at nvarchar(40) NOT NULL)",
        f"INSERT INTO {MARKER} (loaded_at) VALUES ({literal(loaded_at)})",
    ]


def _rows(staged: DuckDBPyConnection, table: Table) -> Iterator[tuple[Any, ...]]:
    """The rows in the order of the key, in which a clustered index grows at its end."""
    names = ", ".join(f'"{name}"' for name in table.names)
    key = ", ".join(f'"{name}"' for name in table.primary_key)
    cursor = staged.execute(f"SELECT {names} FROM {table.sql_name} ORDER BY {key}")
    while rows := cursor.fetchmany(BATCH):
        yield from rows


def _aside(table: Table) -> str:
    return qualified(table.schema, table.name + LOADING)
