"""The warehouse's database, backed up on the server's own disk and restored from there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.warehouse.sqlserver import backup_statements as statements
from dataops_cli.warehouse.sqlserver import restore_statements
from dataops_cli.warehouse.sqlserver.connection import Account, Connection, Server
from dataops_cli.warehouse.sqlserver.errors import SqlServerError
from dataops_cli.warehouse.sqlserver.lease import RUN_LOCK
from dataops_cli.warehouse.sqlserver.restore_errors import refused
from dataops_cli.warehouse.sqlserver.source_database import ON_A_MACHINE
from dataops_cli.warehouse.sqlserver.space import EXPRESS
from dataops_cli.warehouse.sqlserver.watched import run_watched

MASTER = "master"
# "BACKUP DATABASE WITH COMPRESSION is not supported on … Edition": Express, and Web in most versions.
NOT_COMPRESSED = 1844
# Gone, half restored, or in single-user mode: no run can be in it.
NOT_OPEN = frozenset({911, 924, 927, 4060})
CANNOT_WRITE = frozenset({3201, 3634})
Step = Callable[[str], None]


@dataclass(frozen=True)
class BackupFile:
    """A backup on the server. `path` is as the server sees it."""

    path: str
    bytes: int
    compressed: bool


def back_up(
    server: Server, name: str, stem: str, taken: Collection[str], on_step: Step = lambda _step: None
) -> BackupFile | None:
    """Back the warehouse up and verify the backup; None where there is no database yet, and on Azure's services,
    which keep backups themselves.

    `name` is what the backup set bears, `stem` what the file's name begins with; files in `taken` are left alone.
    A run may go on. Raises DataopsError.
    """
    database = server.settings.warehouse.database
    with (
        server.connect(Account.ADMIN, MASTER) as connection,
        server.connect(Account.ADMIN, MASTER) as watcher,
    ):
        edition, folder = connection.rows(statements.FACTS)[0]
        if edition not in ON_A_MACHINE or not connection.rows(restore_statements.state(database)):
            return None
        path = statements.file_path(folder, stem, taken)

        def run(*, compressed: bool) -> bool:
            statement = statements.backup(database, path, name, compressed=compressed)
            run_watched(
                connection,
                watcher,
                statement,
                server,
                lambda percent: on_step(f"backing up {database}: {percent:.0f} %"),
            )
            return compressed

        try:
            try:
                # Which editions compress has changed with versions: the server knows.
                compressed = run(compressed=edition != EXPRESS)
            except SqlServerError as error:
                if error.number != NOT_COMPRESSED:
                    raise
                compressed = run(compressed=False)
            on_step(f"verifying {path}")
            connection.execute(statements.verify(path))
        except SqlServerError as error:
            raise _explained(error, database, path) from error
        return BackupFile(path, int(connection.value(statements.size(name)) or 0), compressed)


def check(server: Server, path: str, name: str, on_step: Step = lambda _step: None) -> None:
    """Read a backup from beginning to end. Raises DataopsError: exit 5 where the file holds another one, exit 4 while
    a run uses the warehouse, and what SQL Server says of a file that is damaged or gone."""
    database = server.settings.warehouse.database
    _refuse_while_in_use(server, database)
    with server.connect(Account.ADMIN, MASTER) as connection:
        on_step(f"verifying {path}")
        try:
            rows = connection.rows(statements.header(path))
            found = [statements.name_and_database(row) for row in rows]
            if [(what, of.lower()) for what, of in found] != [(name, database.lower())]:
                held = ", ".join(f"{what or 'a backup without a name'} of {of}" for what, of in found)
                raise DataopsError(
                    f"{path} on the server does not hold the backup {name} of {database}, but {held or 'none'}",
                    hint="Nothing was changed. Restore another backup: dataops backup list",
                    exit_code=ExitCode.REFUSED,
                )
            connection.execute(statements.verify(path))
        except SqlServerError as error:
            raise refused(error, database, path) from error


def restore(server: Server, path: str, on_step: Step = lambda _step: None) -> None:
    """Replace the warehouse by a backup that was checked. Every session in it is ended: readers are cut off.

    Raises DataopsError, which says what has become of the database; one that a failure left half restored is replaced
    by the next restore.
    """
    database = server.settings.warehouse.database
    _refuse_while_in_use(server, database)
    with (
        server.connect(Account.ADMIN, MASTER) as connection,
        server.connect(Account.ADMIN, MASTER) as watcher,
    ):
        batch = statements.restore(database, path)
        if _state(connection, database)[:1] == ("ONLINE",):
            # In one batch, so that nobody takes the only place in between.
            batch = f"{restore_statements.alone(database)};\n{batch}"
        try:
            run_watched(
                connection,
                watcher,
                batch,
                server,
                lambda percent: on_step(f"restoring {database}: {percent:.0f} %"),
            )
            connection.execute(restore_statements.for_all(database))
        except SqlServerError as error:
            complaint = refused(error, database, path)
            raise DataopsError(
                complaint.reason,
                hint=complaint.hint,
                exit_code=complaint.exit_code,
                details=(*complaint.details, _settled(server, database)),
            ) from error
        except KeyboardInterrupt:
            raise DataopsError(
                f"Interrupted while {database} was being restored",
                hint="Run the command again: it begins anew.",
                exit_code=ExitCode.INTERRUPTED,
                details=(_settled(server, database),),
            ) from None


def _refuse_while_in_use(server: Server, database: str) -> None:
    """Raises DataopsError (exit 4) while a run or a publication uses the warehouse: replacing it would break it."""
    try:
        with server.connect(Account.ADMIN, database) as connection:
            free = connection.value(restore_statements.is_free(RUN_LOCK))
    except SqlServerError as error:
        if error.number in NOT_OPEN:
            return
        raise
    if free != 1:
        raise DataopsError(
            f"A run or a publication is going on, and uses {database}",
            hint="Wait until it has ended: dataops runs",
            exit_code=ExitCode.LOCKED,
        )


def _state(connection: Connection, database: str) -> tuple[str, ...]:
    rows = connection.rows(restore_statements.state(database))
    return tuple(str(value).upper() for value in rows[0]) if rows else ()


def _settled(server: Server, database: str) -> str:
    """After a failure: nobody shut out of a database that is whole. Says what has become of it."""
    by_hand = restore_statements.for_all(database)
    try:
        with server.connect(Account.ADMIN, MASTER) as connection:
            state = _state(connection, database)
            if state == ("ONLINE", "SINGLE_USER"):
                connection.execute(by_hand)
    except DataopsError as error:
        return f"{database} may be half restored, or in single-user mode ({by_hand}): {error.reason}"
    if not state:
        return f"There is no database {database}."
    if state[0] == "ONLINE":
        return f"{database} is ONLINE."
    return f"{database} is {state[0]}: run the command again, which begins anew."


def _explained(error: SqlServerError, database: str, path: str) -> DataopsError:
    if error.number in CANNOT_WRITE:
        return DataopsError(
            f"SQL Server cannot write {path}: {error.reason.removeprefix('SQL Server: ')}",
            hint="Its default folder for backups must be there and its own: "
            "SERVERPROPERTY('InstanceDefaultBackupPath')",
            exit_code=ExitCode.UNAVAILABLE,
        )
    return refused(error, database, path)
