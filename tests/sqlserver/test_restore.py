"""Restoring: what is there already, what may be replaced, what a failure leaves, and what is said of it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pyodbc
import pytest

from dataops_cli.errors import DataopsError, UsageError
from dataops_cli.source.tables import TABLES
from dataops_cli.warehouse.sqlserver import connection, watched
from dataops_cli.warehouse.sqlserver.connection import Server
from dataops_cli.warehouse.sqlserver.driver import Driver
from dataops_cli.warehouse.sqlserver.restore import Restored, is_there, restore
from dataops_cli.warehouse.sqlserver.source_database import refuse_unsafe
from sqlserver.restoring_server import DRIVER, Cursor, Database, RestoringServer, failure
from sqlserver.settings import settings

NAME = "AdventureWorks2014"
WANTED = [(table.schema, table.name) for table in TABLES]
PATH = "/var/opt/mssql/dataops-restore/AdventureWorks2014.bak"
RESTORE = (
    f"RESTORE DATABASE [{NAME}] FROM DISK = N'{PATH}' WITH\n"
    "    MOVE N'AdventureWorks2014_Data' TO N'/var/opt/mssql/data/AdventureWorks2014.mdf',\n"
    "    MOVE N'AdventureWorks2014_Log' TO N'/var/opt/mssql/log/AdventureWorks2014_log.ldf',\n"
)
FILE_LIST = f"RESTORE FILELISTONLY FROM DISK = N'{PATH}'"
FOR_ALL = f"ALTER DATABASE [{NAME}] SET MULTI_USER"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> RestoringServer:
    server = RestoringServer(WANTED)
    monkeypatch.setattr(pyodbc, "connect", server.connect)
    monkeypatch.setattr(connection, "find_driver", lambda: Driver("ODBC Driver 18 for SQL Server", "", ""))
    monkeypatch.setattr(connection, "require_listener", lambda *_: None)
    monkeypatch.setattr(watched, "LOOK", 0.02)
    return server


class Placed:
    """Where the backup lies, and whether it was taken away again."""

    def __init__(self) -> None:
        self.placed = self.removed = 0

    @contextlib.contextmanager
    def __call__(self) -> Iterator[str]:
        self.placed += 1
        try:
            yield PATH
        finally:
            self.removed += 1


def run(force: bool = False, place: Placed | None = None, **warehouse: Any) -> Restored | None:
    server = Server(settings(**warehouse))
    if is_there(server, WANTED, force=force):
        return None
    return restore(server, place or Placed(), WANTED, force=force)


def test_a_first_restore(fake: RestoringServer) -> None:
    place, steps = Placed(), []
    fake.percents = [5.2, 10.0, 99.9]
    done = restore(Server(settings()), place, WANTED, force=False, on_step=steps.append)
    assert [move.target for move in done.files] == [
        "/var/opt/mssql/data/AdventureWorks2014.mdf",
        "/var/opt/mssql/log/AdventureWorks2014_log.ldf",
    ]
    assert fake.changes == [FILE_LIST, RESTORE + "    STATS = 5", FOR_ALL]
    assert steps == ["Reading the backup", *(f"Restoring {NAME}: {n} %" for n in (5, 10, 100))]
    assert (place.placed, place.removed) == (1, 1)


def test_a_second_one_does_nothing(fake: RestoringServer) -> None:
    run()
    said = len(fake.changes)
    assert run() is None
    assert len(fake.changes) == said


def test_another_command_was_faster(fake: RestoringServer) -> None:
    fake.databases[NAME] = Database(tables=WANTED)
    place = Placed()
    assert restore(Server(settings()), place, WANTED, force=False) is None
    assert place.placed == 0


def test_names_are_compared_as_sql_server_does(fake: RestoringServer) -> None:
    fake.databases[NAME] = Database(tables=[(schema.upper(), name.lower()) for schema, name in WANTED])
    assert run() is None


def test_force_replaces_after_the_backup_was_checked_and_alone(fake: RestoringServer) -> None:
    fake.databases[NAME] = Database(tables=WANTED)
    run(force=True)
    file_list, verify, batch, for_all = fake.changes
    assert file_list == FILE_LIST
    assert verify.startswith(f"RESTORE VERIFYONLY FROM DISK = N'{PATH}' WITH\n    MOVE")
    assert batch == (
        f"ALTER DATABASE [{NAME}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE;\n{RESTORE}    REPLACE,\n    STATS = 5"
    )
    assert for_all == FOR_ALL


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (Database(tables=WANTED[1:]), f"has no table {'.'.join(WANTED[0])}"),
        (Database("SUSPECT"), "is SUSPECT"),
        (Database("OFFLINE"), "is OFFLINE"),
        (Database("RECOVERY_PENDING"), "is RECOVERY_PENDING"),
        (Database(access="SINGLE_USER", tables=WANTED), "is in single-user mode"),
    ],
)
def test_anything_else_of_that_name_is_left_alone_without_force(
    fake: RestoringServer, there: Database, said: str
) -> None:
    fake.databases[NAME] = there
    with pytest.raises(DataopsError, match=said) as error:
        run()
    assert (error.value.exit_code, fake.changes) == (5, [])
    run(force=True)
    assert fake.databases[NAME] == Database(tables=WANTED)
    assert ("SINGLE_USER" in fake.changes[2]) == (there.state == "ONLINE")


def test_an_empty_database_is_replaced_without_force(fake: RestoringServer) -> None:
    fake.databases[NAME] = Database()
    run()
    assert fake.databases[NAME] == Database(tables=WANTED)
    assert "RESTORE VERIFYONLY" in fake.changes[1]
    assert "SET SINGLE_USER" in fake.changes[2]


def test_a_database_that_hides_its_tables_is_not_taken_to_be_empty(fake: RestoringServer) -> None:
    fake.databases[NAME] = Database()
    fake.shows_all = 0
    with pytest.raises(DataopsError, match="may not be looked at") as error:
        run()
    assert (error.value.exit_code, fake.changes) == (5, [])


def test_a_database_without_a_user_for_the_administrator_is_left_alone(fake: RestoringServer) -> None:
    fake.databases[NAME] = Database(tables=WANTED)
    fake.failures = {
        "SELECT s.name": failure(
            916,
            'The server principal "etl" is not able to access the database under the current security context.',
        )
    }
    with pytest.raises(DataopsError, match="may not be looked at") as error:
        run()
    assert (error.value.exit_code, fake.changes) == (5, [])


def test_what_a_kill_left_is_replaced_without_force(fake: RestoringServer) -> None:
    fake.databases[NAME] = Database("RESTORING")
    run()
    assert fake.changes == [FILE_LIST, RESTORE + "    REPLACE,\n    STATS = 5", FOR_ALL]


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        ("dataops_run", "A run or a publication is going on"),
        ("dataops_load", "A load is going on"),
        (f"dataops_restore_{NAME}", "Another command is restoring"),
    ],
)
def test_nothing_is_replaced_under_those_who_use_it(fake: RestoringServer, lock: str, said: str) -> None:
    fake.databases |= {NAME: Database(tables=WANTED), "dataops": Database()}
    fake.taken = {lock}
    with pytest.raises(DataopsError, match=said) as error:
        run(force=True)
    assert (error.value.exit_code, fake.changes) == (4, [])


@pytest.mark.parametrize(
    ("number", "text", "code", "said", "hint"),
    [
        (3241, f"The media family on device '{PATH}' is incorrectly formed. SQL Server cannot process this media family.", 1, "is no backup that SQL Server reads", "cut short"),
        (3169, "The database was backed up on a server running version 16.00.1000. That version is incompatible with this server, which is running version 15.00.4385. Either restore the database on a server that supports the backup, or use a backup that is compatible with this server.", 1, "of a newer SQL Server", "upgrade the server"),
        (3201, f"Cannot open backup device '{PATH}'. Operating system error 5(Access is denied.).", 3, "cannot open", "10001"),
        (3219, 'The file or filegroup "x" cannot be selected for this operation.', 1, "does not hold", "full backup"),
        (3118, f'The database "{NAME}" does not exist. RESTORE can only create a database when restoring either a full backup or a file backup of the primary file.', 1, "not a full one", "DIFFERENTIAL"),
        (3257, "There is insufficient free space on disk volume '/var/opt/mssql/data/' to create the database. The database requires 215089152 additional free bytes, while only 1048576 bytes are available.", 3, "too little space", "df -h"),
        (3634, "The operating system returned the error '112(There is not enough space on the disk.)' while attempting 'SetEndOfFile'.", 3, "too little space", "df -h"),
        (1827, "CREATE DATABASE or ALTER DATABASE failed because the resulting cumulative database size would exceed your licensed limit of 10240 MB per database.", 3, "larger than this edition", "MSSQL_PID"),
        (3183, 'RESTORE detected an error on page (1:123) in database "x" as read from the backup set.', 1, "damaged", "Download it again"),
        (3203, f'Read on "{PATH}" failed: 38(Reached the end of the file.)', 1, "damaged", "Download it again"),
        (3101, "Exclusive access could not be obtained because the database is in use.", 4, "is in use", "CloudBeaver"),
        (1834, "The file '/var/opt/mssql/data/AdventureWorks2014.mdf' cannot be overwritten.  It is being used by database 'other'.", 5, "another database", "warehouse.source_database"),
        (5133, 'Directory lookup for the file "/var/opt/mssql/data/AdventureWorks2014.mdf" failed with the operating system error 2(The system cannot find the file specified.).', 3, "cannot make the files", "default folders"),
        (33111, "Cannot find server certificate with thumbprint '0x8F'.", 1, "encrypted", "CREATE CERTIFICATE"),
        (262, "CREATE DATABASE permission denied in database 'master'.", 1, "may not restore", "dbcreator"),
        (50000, "Something else.", 1, "SQL Server: Something else.", "Mend what it names"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("begin", ["RESTORE FILELISTONLY", "RESTORE DATABASE"])
def test_a_refusal_says_what_to_do_and_leaves_nothing_half_restored(
    fake: RestoringServer, begin: str, number: int, text: str, code: int, said: str, hint: str
) -> None:
    fake.failures = {begin: failure(number, text)}
    place = Placed()
    with pytest.raises(DataopsError, match=said) as error:
        run(place=place)
    assert error.value.exit_code == code
    assert hint in error.value.hint
    assert text[:40] in error.value.reason
    assert place.removed == 1
    if number != 3101:
        assert fake.databases == {}
    if begin == "RESTORE DATABASE" and number != 3101:
        assert error.value.details == (f"{NAME}, half restored, has been dropped.",)


def test_a_damaged_backup_is_found_before_anything_is_replaced(fake: RestoringServer) -> None:
    fake.databases[NAME] = before = Database(tables=WANTED)
    fake.failures = {"RESTORE VERIFYONLY": failure(3203, "Read failed.", ended="VERIFY DATABASE")}
    with pytest.raises(DataopsError, match="damaged"):
        run(force=True)
    assert fake.databases[NAME] is before
    assert before == Database(tables=WANTED)


def test_after_a_failed_replacement_the_database_is_for_all_again(fake: RestoringServer) -> None:
    fake.databases[NAME] = Database(tables=WANTED)
    alter = "ALTER DATABASE [AdventureWorks2014] SET SINGLE_USER"
    fake.failures = {
        alter: failure(3101, "Exclusive access could not be obtained because the database is in use.")
    }
    fake.databases[NAME].access = "MULTI_USER"

    def shut_out(sql: str, answer=fake.answer) -> Any:
        if sql.startswith(alter):
            fake.databases[NAME].access = "SINGLE_USER"
        return answer(sql)

    fake.answer = shut_out  # type: ignore[method-assign]
    with pytest.raises(DataopsError) as error:
        run(force=True)
    assert (error.value.exit_code, error.value.details) == (4, (f"{NAME} is ONLINE.",))
    assert fake.databases[NAME] == Database(tables=WANTED)


def test_a_lost_connection_says_what_may_be_left(
    fake: RestoringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = pyodbc.OperationalError(
        "08S01",
        "[08S01] [Microsoft][ODBC Driver 18 for SQL Server]TCP Provider: Error code 0x68 (104) (SQLExecDirectW)",
    )
    fake.failures = {
        "RESTORE DATABASE": lost,
        "DROP DATABASE": failure(3702, "Cannot drop: in use.", "DROP DATABASE"),
    }
    with pytest.raises(DataopsError, match="was lost") as error:
        run()
    assert error.value.exit_code == 3
    assert error.value.details[1] == f"The next restore replaces it; by hand: DROP DATABASE [{NAME}]"


def test_a_database_that_stays_closed_is_not_to_be_dropped(fake: RestoringServer) -> None:
    fake.databases[NAME] = Database(tables=WANTED)
    alter = f"ALTER DATABASE [{NAME}] SET SINGLE_USER"
    fake.failures = {
        alter: failure(5061, "ALTER DATABASE failed because a lock could not be placed on database."),
        FOR_ALL: failure(5064, "Changes to the state or options of database cannot be made at this time."),
    }

    def shut_out(sql: str, answer=fake.answer) -> Any:
        if sql.startswith(alter):
            fake.databases[NAME].access = "SINGLE_USER"
        return answer(sql)

    fake.answer = shut_out  # type: ignore[method-assign]
    with pytest.raises(DataopsError) as error:
        run(force=True)
    assert error.value.details[1].endswith(f"is opened by: {FOR_ALL}")
    assert "DROP" not in " ".join(error.value.details)


def test_what_another_one_restores_is_not_dropped(fake: RestoringServer) -> None:
    fake.databases[NAME] = Database("RESTORING")
    fake.failures = {"RESTORE DATABASE": failure(3101, "Exclusive access could not be obtained.")}
    with pytest.raises(DataopsError, match="is in use") as error:
        run()
    assert (error.value.exit_code, error.value.details) == (4, (f"{NAME} is RESTORING.",))


@pytest.mark.parametrize("force", [False, True])
def test_ctrl_c_cancels_the_statement_and_leaves_no_half_database(fake: RestoringServer, force: bool) -> None:
    if force:
        fake.databases[NAME] = Database(tables=WANTED)
    fake.hang = True
    pressed: list[None] = []

    def press() -> None:
        if not pressed:
            pressed.append(None)
            threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            threading.Event().wait(0.1)

    fake.on_percent = press
    place = Placed()
    with pytest.raises(DataopsError, match="Interrupted while") as error:
        run(force=force, place=place)
    assert error.value.exit_code == 130
    assert error.value.details == (f"{NAME}, half restored, has been dropped.",)
    assert (fake.databases, fake.cancelled.is_set(), place.removed) == ({}, True, 1)


@pytest.mark.parametrize("again", [False, True])
def test_a_connection_is_not_closed_under_a_statement_that_goes_on(
    fake: RestoringServer, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    def press(_cursor: object = None) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    # It is pressed where the main thread is.
    fake.hang, fake.on_percent = True, press
    monkeypatch.setattr(Cursor, "cancel", press if again else lambda _cursor: None)
    monkeypatch.setattr(watched, "END", 60 if again else 0.05)
    try:
        with pytest.raises(DataopsError, match="Interrupted while"):
            run()
    finally:
        fake.cancelled.set()


@pytest.mark.parametrize("edition", [5, 6, 8, 11])
def test_azures_services_restore_no_files(fake: RestoringServer, edition: int) -> None:
    fake.edition = edition
    with pytest.raises(
        DataopsError, match="Managed Instance" if edition == 8 else "Azure SQL Database"
    ) as error:
        run()
    assert "dataops source load" in error.value.hint
    assert fake.changes == []


def test_express_holds_ten_gigabytes(fake: RestoringServer) -> None:
    fake.files = [("d", "", "D", "", 11 * 2**30), ("l", "", "L", "", 1)]
    with pytest.raises(DataopsError, match=r"11\.0 GB of data files"):
        run()
    assert fake.changes == [FILE_LIST]
    fake.edition = 2
    assert run() is not None


def test_express_holds_fifty_since_2025(fake: RestoringServer) -> None:
    fake.version = 17
    fake.files = [("d", "", "D", "", 51 * 2**30)]
    with pytest.raises(DataopsError, match="holds 50 GB"):
        run()
    fake.files = [("d", "", "D", "", 50 * 2**30)]
    assert run() is not None


def test_a_backup_of_something_else(fake: RestoringServer) -> None:
    fake.restores = WANTED[1:]
    with pytest.raises(DataopsError, match=f"lacks tables that the models read: {'.'.join(WANTED[0])}"):
        run()
    with pytest.raises(DataopsError, match="There is a database"):
        run()


@pytest.mark.parametrize("name", ["master", "MSDB", "tempdb", "model"])
def test_system_databases_are_never_restored(name: str) -> None:
    with pytest.raises(UsageError):
        refuse_unsafe(settings(source_database=name))


def test_a_source_in_the_warehouse_itself_is_never_restored() -> None:
    with pytest.raises(DataopsError, match="would destroy what is published") as error:
        refuse_unsafe(settings(source_database="DataOps", database="dataops"))
    assert error.value.exit_code == 5


def test_no_server_at_all(fake: RestoringServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise pyodbc.OperationalError(
            "08001", f"[08001] {DRIVER}TCP Provider: Error code 0x2749 (10057) (SQLDriverConnect)"
        )

    monkeypatch.setattr(pyodbc, "connect", refuse)
    with pytest.raises(DataopsError, match="Cannot reach SQL Server") as error:
        run()
    assert error.value.exit_code == 3
