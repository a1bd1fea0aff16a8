"""A backup becomes the source database; what is there already is left alone, or replaced when that is asked for.

A restore that is cut off leaves a database in the state RESTORING, which holds nothing: the next one replaces it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.warehouse.sqlserver import restore_statements as statements
from dataops_cli.warehouse.sqlserver.connection import Account, Connection, Server
from dataops_cli.warehouse.sqlserver.errors import SqlServerError
from dataops_cli.warehouse.sqlserver.lease import LOAD_LOCK, RUN_LOCK
from dataops_cli.warehouse.sqlserver.restore_errors import IN_USE, refused
from dataops_cli.warehouse.sqlserver.restore_statements import BackedUpFile, Move
from dataops_cli.warehouse.sqlserver.source_database import (
    Presence,
    find,
    folders,
    is_done,
    missing_tables,
    refuse_unsafe,
)
from dataops_cli.warehouse.sqlserver.space import size_limit
from dataops_cli.warehouse.sqlserver.watched import run_watched

MASTER = "master"
NO_SUCH_DATABASE = frozenset({911, 4060})


@dataclass(frozen=True)
class Restored:
    database: str
    files: tuple[Move, ...]


def is_there(server: Server, tables: Collection[tuple[str, str]], *, force: bool) -> bool:
    """Whether there is nothing to do. `tables` (schema, name) are those that make a database the source.

    Raises DataopsError: exit 5 where what is there would be replaced without `force`, exit 3 for an Azure service
    that restores no file, SqlServerError.
    """
    refuse_unsafe(server.settings)
    with server.connect(Account.ADMIN, MASTER) as connection:
        folders(connection)
        return is_done(find(connection, _name(server), tables), _name(server), force=force)


def restore(
    server: Server,
    place: Callable[[], AbstractContextManager[str]],
    tables: Collection[tuple[str, str]],
    *,
    force: bool,
    on_step: Callable[[str], None] = lambda _step: None,
) -> Restored | None:
    """Restore the backup that `place` puts where the server sees it, for the time of its block; it gives the path.

    None where another command has restored it meanwhile. Raises DataopsError as `is_there` does; exit 4 while
    another command restores, runs or loads; exit 130 when interrupted. After any failure no half-restored
    database is left, as far as the server can be reached.
    """
    refuse_unsafe(server.settings)
    database = _name(server)
    with ExitStack() as stack:
        connection = stack.enter_context(server.connect(Account.ADMIN, MASTER))
        watcher = stack.enter_context(server.connect(Account.ADMIN, MASTER))
        data_folder, log_folder = folders(connection)
        _lock(connection, database)
        found = find(connection, database, tables)
        if is_done(found, database, force=force):
            return None
        replaces = found.presence is not Presence.ABSENT
        loses = replaces and found.presence is not Presence.HALF
        if loses:
            _refuse_while_in_use(server, database)
        path = stack.enter_context(place())
        try:
            on_step("Reading the backup")
            files = statements.files_of(connection.rows(statements.file_list(path)))
            _refuse_too_large(size_limit(connection), files, database)
            moves = statements.moves(files, database, data_folder, log_folder)
            if loses:
                on_step("Checking the backup")
                connection.execute(statements.verify(path, moves))
        except SqlServerError as error:
            raise refused(error, database, path) from error
        batch = statements.restore(database, path, moves, replace=replaces)
        if loses and found.online:
            # In one batch, so that nobody takes the only place in between.
            batch = f"{statements.alone(database)};\n{batch}"
        try:
            run_watched(
                connection, watcher, batch, server, lambda percent: on_step(_progress(database, percent))
            )
            connection.execute(statements.for_all(database))
        except SqlServerError as error:
            # What another one restores just now is not ours to drop.
            details = _settle(server, database, drop=error.number not in IN_USE)
            raise _with_details(refused(error, database, path), details) from error
        except KeyboardInterrupt:
            raise DataopsError(
                f"Interrupted while {database} was being restored",
                hint="Run the command again: it begins anew.",
                exit_code=ExitCode.INTERRUPTED,
                details=_settle(server, database, drop=True),
            ) from None
        _require_tables(connection, database, tables)
    return Restored(database, tuple(moves))


def _name(server: Server) -> str:
    return server.settings.warehouse.source_database


def _progress(database: str, percent: float) -> str:
    return f"Restoring {database}: {percent:.0f} %"


def _lock(connection: Connection, database: str) -> None:
    if int(connection.value(statements.lock(f"dataops_restore_{database}"))) < 0:
        raise DataopsError(
            f"Another command is restoring {database}",
            hint="Wait until it has ended, then run the command again.",
            exit_code=ExitCode.LOCKED,
        )


def _refuse_while_in_use(server: Server, database: str) -> None:
    """Raises DataopsError (exit 4) while a run reads the source or a load fills it: replacing would break both."""
    for place, lock, what in (
        (server.settings.warehouse.database, RUN_LOCK, "A run or a publication"),
        (database, LOAD_LOCK, "A load"),
    ):
        try:
            with server.connect(Account.ADMIN, place) as connection:
                free = connection.value(statements.is_free(lock))
        except SqlServerError as error:
            # Not there yet, or a database that --force is to mend.
            if error.number in NO_SUCH_DATABASE or place == database:
                continue
            raise
        if free != 1:
            raise DataopsError(
                f"{what} is going on, and uses {database}",
                hint="Wait until it has ended: dataops runs",
                exit_code=ExitCode.LOCKED,
            )


def _refuse_too_large(limit: int | None, files: Collection[BackedUpFile], database: str) -> None:
    size = sum(file.size for file in files if file.kind != "L")
    if limit is not None and size > limit:
        raise DataopsError(
            f"{database} has {size / 2**30:.1f} GB of data files, "
            f"and SQL Server Express holds {limit // 2**30} GB",
            hint="Use an edition without the limit: the variable MSSQL_PID of the service sqlserver.",
            exit_code=ExitCode.UNAVAILABLE,
        )


def _settle(server: Server, database: str, *, drop: bool) -> tuple[str, ...]:
    """After a failure: nothing half restored, and nobody shut out. Says what has become of the database."""
    state = ""
    try:
        with server.connect(Account.ADMIN, MASTER) as connection:
            rows = connection.rows(statements.state(database))
            if not rows:
                return (f"There is no database {database}.",)
            state, access = (str(value).upper() for value in rows[0])
            if state == "RESTORING" and drop:
                connection.execute(statements.drop(database))
                return (f"{database}, half restored, has been dropped.",)
            if state == "ONLINE" and access == "SINGLE_USER":
                connection.execute(statements.for_all(database))
            return (f"{database} is {state}.",)
    except DataopsError as error:
        if state == "RESTORING":
            return (
                f"{database} is half restored: {error.reason}",
                f"The next restore replaces it; by hand: {statements.drop(database)}",
            )
        return (
            f"{database} may be half restored, or in single-user mode: {error.reason}",
            "The next restore replaces one that is RESTORING; one in single-user mode is opened by: "
            + statements.for_all(database),
        )


def _require_tables(connection: Connection, database: str, tables: Collection[tuple[str, str]]) -> None:
    if missing := missing_tables(connection, database, tables):
        raise DataopsError(
            f"The backup has been restored as {database}, but it lacks tables that the models read: "
            + ", ".join(missing),
            hint="Restore one of AdventureWorks (OLTP): dataops source restore --force",
        )


def _with_details(error: DataopsError, details: tuple[str, ...]) -> DataopsError:
    return DataopsError(
        error.reason, hint=error.hint, exit_code=error.exit_code, details=(*error.details, *details)
    )
