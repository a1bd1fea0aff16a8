"""What is there under the source database's name, on what kind of server, and whether it may be replaced."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.settings.model import Settings
from dataops_cli.warehouse.sqlserver import restore_statements as statements
from dataops_cli.warehouse.sqlserver.connection import Connection
from dataops_cli.warehouse.sqlserver.errors import SqlServerError

NO_USER_THERE = 916
SYSTEM = frozenset({"master", "model", "msdb", "tempdb", "resource", "mssqlsystemresource"})
# SERVERPROPERTY('EngineEdition'). Source: Microsoft, "SERVERPROPERTY (Transact-SQL)".
MANAGED_INSTANCE, ON_A_MACHINE = 8, frozenset({1, 2, 3, 4})


class Presence(StrEnum):
    """What there is under the source database's name."""

    ABSENT = "absent"
    SOURCE = "source"  # with all the tables that are wanted
    HALF = "half"  # left by a restore that was cut off
    EMPTY = "empty"  # without any table, as `dataops source grants` makes it
    OTHER = "other"


@dataclass(frozen=True)
class Found:
    presence: Presence
    online: bool = False
    description: str = ""


def refuse_unsafe(settings: Settings) -> None:
    """Raises DataopsError where the source database is one that a restore must never replace."""
    warehouse = settings.warehouse
    source = warehouse.source_database
    if source.lower() in SYSTEM:
        raise UsageError(
            f"warehouse.source_database is {source}, which belongs to SQL Server itself",
            hint="Name another: dataops config explain warehouse.source_database",
        )
    if source.lower() == warehouse.database.lower():
        raise DataopsError(
            f"Source and warehouse are one database, {source}: restoring it would destroy what is published",
            hint="Give the source a database of its own (warehouse.source_database), or load into this one: "
            "dataops source load",
            exit_code=ExitCode.REFUSED,
        )


def folders(connection: Connection) -> tuple[str, str]:
    """The default folders for data and log. Raises DataopsError where the service restores no file."""
    edition, data_folder, log_folder = connection.rows(statements.FACTS)[0]
    if edition not in ON_A_MACHINE:
        managed = edition == MANAGED_INSTANCE
        raise DataopsError(
            "Azure SQL Managed Instance restores backups from Azure's storage only (RESTORE … FROM URL)"
            if managed
            else "Azure SQL Database restores no backup files",
            hint=("Restore it there with T-SQL, or load" if managed else "Load")
            + " the tables from files: dataops source load --from DIR",
            exit_code=ExitCode.UNAVAILABLE,
        )
    if not data_folder or not log_folder:
        raise DataopsError(
            "The server does not say where it keeps its files (SERVERPROPERTY('InstanceDefaultDataPath'))",
            hint="Set its default folders for data and log.",
            exit_code=ExitCode.UNAVAILABLE,
        )
    return str(data_folder), str(log_folder)


def find(connection: Connection, database: str, tables: Collection[tuple[str, str]]) -> Found:
    """What is there. `tables` (schema, name) are those that make a database the source."""
    rows = connection.rows(statements.state(database))
    if not rows:
        return Found(Presence.ABSENT)
    state, access = (str(value).upper() for value in rows[0])
    if state == "RESTORING":
        return Found(Presence.HALF)
    if state != "ONLINE":
        return Found(Presence.OTHER, description=f"is {state}")
    if access == "SINGLE_USER":  # its tables may not be looked at
        return Found(Presence.OTHER, online=True, description="is in single-user mode")
    hidden = Found(Presence.OTHER, online=True, description="may not be looked at by this login")
    try:
        there = _tables(connection, database)
    except SqlServerError as error:
        if error.number != NO_USER_THERE:
            raise
        return hidden
    if not there:
        sees_all = connection.value(statements.shows_all(database)) == 1
        return Found(Presence.EMPTY, online=True) if sees_all else hidden
    if missing := _missing(tables, there):
        return Found(Presence.OTHER, online=True, description=f"has no table {missing[0]}")
    return Found(Presence.SOURCE, online=True)


def missing_tables(connection: Connection, database: str, tables: Collection[tuple[str, str]]) -> list[str]:
    """Which of the tables an online database lacks, as schema.name."""
    return _missing(tables, _tables(connection, database))


def _tables(connection: Connection, database: str) -> set[tuple[str, str]]:
    return {
        (str(schema).lower(), str(name).lower())
        for schema, name in connection.rows(statements.tables(database))
    }


def _missing(tables: Collection[tuple[str, str]], there: set[tuple[str, str]]) -> list[str]:
    return [f"{schema}.{name}" for schema, name in tables if (schema.lower(), name.lower()) not in there]


def is_done(found: Found, database: str, *, force: bool) -> bool:
    """Whether all is done; else it may be restored. Raises DataopsError (exit 5) where it may not."""
    if found.presence is Presence.OTHER and not force:
        raise DataopsError(
            f"There is a database {database} already, and it {found.description}",
            hint="Look what it is. To replace it with everything in it: dataops source restore --force",
            exit_code=ExitCode.REFUSED,
        )
    return found.presence is Presence.SOURCE and not force
