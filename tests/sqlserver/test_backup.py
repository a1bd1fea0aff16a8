"""Backups of the warehouse in SQL Server: what is said to the server, and what comes of its answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyodbc
import pytest

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.warehouse.sqlserver import backup_statements as statements
from dataops_cli.warehouse.sqlserver import connection, watched
from dataops_cli.warehouse.sqlserver.backup import BackupFile, back_up, check, restore
from dataops_cli.warehouse.sqlserver.connection import Server
from dataops_cli.warehouse.sqlserver.driver import Driver
from sqlserver.restoring_server import Cursor, Database, Raw, RestoringServer, failure
from sqlserver.settings import settings

NAME, PATH = "20261125T000000Z-abcdef", "/var/opt/mssql/data/dataops-prod-dataops-1.bak"
BACKUP = (
    f"BACKUP DATABASE [dataops] TO DISK = N'{PATH}' WITH\n"
    f"    COPY_ONLY,\n    CHECKSUM,\n    FORMAT,\n    INIT,\n    NAME = N'{NAME}',\n"
)
VERIFY = f"RESTORE VERIFYONLY FROM DISK = N'{PATH}' WITH CHECKSUM"
HEADER = f"RESTORE HEADERONLY FROM DISK = N'{PATH}'"
ALONE = "ALTER DATABASE [dataops] SET SINGLE_USER WITH ROLLBACK IMMEDIATE"
RESTORE = f"RESTORE DATABASE [dataops] FROM DISK = N'{PATH}' WITH\n    REPLACE,\n    CHECKSUM,\n    STATS = 5"
FOR_ALL = "ALTER DATABASE [dataops] SET MULTI_USER"


@dataclass
class BackingUpServer(RestoringServer):
    """Also makes backups; `header` is what a file holds."""

    backup_folder: str | None = "/var/opt/mssql/data"
    size: int = 4096
    header: list[tuple[Any, ...]] = field(default_factory=list)

    def connect(self, text: str, **options: object) -> Raw:
        super().connect(text, **options)
        return BackingUp(self)

    def answer(self, sql: str) -> list[tuple[Any, ...]]:
        if "InstanceDefaultBackupPath" in sql:
            self.said.append(sql)
            return [(self.edition, self.backup_folder)]
        if "backupset" in sql:
            return [(self.size,)]
        if sql.startswith("RESTORE HEADERONLY"):
            super().answer(sql)
            return self.header
        return super().answer(sql)


class BackingUp(Raw):
    def cursor(self) -> Cursor:
        return BackingUpCursor(self.server)


class BackingUpCursor(Cursor):
    def execute(self, sql: str) -> None:
        super().execute(sql)
        if sql.startswith("RESTORE HEADERONLY"):
            self.description = True
        if sql.startswith("BACKUP"):
            self.left = 3


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> BackingUpServer:
    server = BackingUpServer([], {"dataops": Database()}, edition=3)
    server.header = [header()]
    monkeypatch.setattr(pyodbc, "connect", server.connect)
    monkeypatch.setattr(connection, "find_driver", lambda: Driver("ODBC Driver 18 for SQL Server", "", ""))
    monkeypatch.setattr(connection, "require_listener", lambda *_: None)
    monkeypatch.setattr(watched, "LOOK", 0.02)
    return server


def header(name: str | None = NAME, database: str = "dataops") -> tuple[Any, ...]:
    return (name, None, 1, None, 1, 1, 2, "sa", "host", database, 904)


def made(**warehouse: Any) -> BackupFile | None:
    return back_up(Server(settings(**warehouse)), NAME, "dataops-prod-dataops", ())


def test_a_backup_is_compressed_and_verified(fake: BackingUpServer) -> None:
    steps: list[str] = []
    file = back_up(Server(settings()), NAME, "dataops-prod-dataops", (), steps.append)
    assert file == BackupFile(PATH, 4096, True)
    assert fake.changes == [BACKUP + "    COMPRESSION,\n    STATS = 5", VERIFY]
    assert steps == [f"verifying {PATH}"]


def test_express_does_not_compress(fake: BackingUpServer) -> None:
    fake.edition = 4
    assert made() == BackupFile(PATH, 4096, False)
    assert fake.changes == [BACKUP + "    STATS = 5", VERIFY]


def test_an_edition_that_refuses_to_compress_is_asked_without(fake: BackingUpServer) -> None:
    begin = BACKUP + "    COMPRESSION"
    fake.failures = {
        begin: failure(
            1844,
            "BACKUP DATABASE WITH COMPRESSION is not supported on Web Edition (64-bit).",
            "BACKUP DATABASE",
        )
    }
    assert made() == BackupFile(PATH, 4096, False)
    assert fake.changes == [begin + ",\n    STATS = 5", BACKUP + "    STATS = 5", VERIFY]


@pytest.mark.parametrize("edition", [5, 8])
def test_azure_keeps_backups_itself(fake: BackingUpServer, edition: int) -> None:
    fake.edition = edition
    assert made() is None
    assert fake.changes == []


def test_without_a_database_there_is_nothing_to_back_up(fake: BackingUpServer) -> None:
    fake.databases.clear()
    assert made() is None
    assert fake.changes == []


def test_what_backups_need_is_never_written_over() -> None:
    assert statements.file_path("/b/", "x", ()) == "/b/x-1.bak"
    assert statements.file_path("/b", "x", ["/b/x-1.bak", "/b/x-3.bak"]) == "/b/x-2.bak"
    assert statements.file_path("C:\\b\\", "x", ["C:\\b\\x-1.bak"]) == "C:\\b\\x-2.bak"
    # Before SQL Server 2019 the folder is not told; a bare name goes there.
    assert statements.file_path(None, "x", ["x-1.bak"]) == "x-2.bak"


def test_names_are_quoted() -> None:
    text = statements.backup("a]b", "/it's.bak", "n'1", compressed=False)
    assert "[a]]b]" in text
    assert "N'/it''s.bak'" in text
    assert "N'n''1'" in text


@pytest.mark.parametrize(
    ("number", "text", "said", "code"),
    [
        (
            3201,
            "Cannot open backup device '/x'. Operating system error 5(Access is denied.).",
            "cannot write",
            3,
        ),
        (3202, "Write on '/x' failed: 112(There is not enough space on the disk.)", "too little space", 3),
        (262, "BACKUP DATABASE permission denied in database 'dataops'.", "may not", 1),
    ],
)
def test_what_goes_wrong_comes_with_a_remedy(
    fake: BackingUpServer, number: int, text: str, said: str, code: int
) -> None:
    fake.failures = {"BACKUP": failure(number, text, "BACKUP DATABASE")}
    with pytest.raises(DataopsError, match=said) as caught:
        made()
    assert caught.value.exit_code == code
    assert caught.value.hint


def test_a_backup_is_checked_before_it_is_restored(fake: BackingUpServer) -> None:
    check(Server(settings()), PATH, NAME)
    assert fake.changes == [HEADER, VERIFY]


@pytest.mark.parametrize(
    ("rows", "held"),
    [
        ([header("20200101T000000Z-000000")], "20200101T000000Z-000000 of dataops"),
        ([header(None, "other")], "a backup without a name of other"),
        ([header(), header()], f"{NAME} of dataops, {NAME} of dataops"),
        ([], "none"),
    ],
)
def test_a_file_with_another_backup_is_refused(
    fake: BackingUpServer, rows: list[tuple[Any, ...]], held: str
) -> None:
    fake.header = rows
    with pytest.raises(DataopsError) as caught:
        check(Server(settings()), PATH, NAME)
    assert caught.value.exit_code == ExitCode.REFUSED
    assert caught.value.reason.endswith(f", but {held}")


def test_a_damaged_file_is_refused_before_anything_is_touched(fake: BackingUpServer) -> None:
    fake.failures = {"RESTORE VERIFYONLY": failure(3189, "Damage to the backup set was detected.")}
    with pytest.raises(DataopsError, match="The backup is damaged"):
        check(Server(settings()), PATH, NAME)
    assert fake.databases["dataops"].state == "ONLINE"


def test_a_restore_ends_sessions_and_lets_all_in_again(fake: BackingUpServer) -> None:
    restore(Server(settings()), PATH)
    assert fake.changes == [f"{ALONE};\n{RESTORE}", FOR_ALL]
    assert fake.databases["dataops"].access == "MULTI_USER"


def test_a_half_restored_database_is_replaced(fake: BackingUpServer) -> None:
    fake.databases["dataops"].state = "RESTORING"
    restore(Server(settings()), PATH)
    assert fake.changes == [RESTORE, FOR_ALL]


def test_a_restore_waits_for_no_run(fake: BackingUpServer) -> None:
    fake.taken = {"dataops_run"}
    for call in (lambda: restore(Server(settings()), PATH), lambda: check(Server(settings()), PATH, NAME)):
        with pytest.raises(DataopsError, match="A run or a publication is going on") as caught:
            call()
        assert caught.value.exit_code == ExitCode.LOCKED
    assert fake.changes == []


@pytest.mark.parametrize(
    ("leaves", "told"),
    [
        (Database("RESTORING"), "dataops is RESTORING: run the command again, which begins anew."),
        (Database(access="SINGLE_USER"), "dataops is ONLINE."),
    ],
)
def test_a_failure_says_what_has_become_of_the_database(
    fake: BackingUpServer, leaves: Database, told: str
) -> None:
    fake.failures = {ALONE: failure(3257, "There is insufficient free space on disk volume.")}
    fake.databases["dataops"] = leaves
    if leaves.state == "RESTORING":
        fake.failures = {RESTORE: fake.failures[ALONE]}
    with pytest.raises(DataopsError, match="too little space") as caught:
        restore(Server(settings()), PATH)
    assert caught.value.details == (told,)
    assert fake.databases["dataops"].access == "MULTI_USER"
    assert fake.databases["dataops"] is leaves
