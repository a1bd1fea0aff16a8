"""The warehouse's part of a backup: what is asked of the CLI in the dbt container, and of SQL Server."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.deploy import backup_server
from dataops_cli.deploy.backup import Backup, ServerFile, StoredFile, WarehouseCopy
from dataops_cli.deploy.backup_embedded import EmbeddedKeeper
from dataops_cli.deploy.backup_files import Files
from dataops_cli.deploy.backup_server import ServerKeeper
from dataops_cli.deploy.backup_warehouse import keeper, require_same_engine
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.settings.model import Settings
from dataops_cli.warehouse.sqlserver.backup import BackupFile

ID = "20261125T000000Z-abcdef"
PATH = "/var/opt/mssql/data/dataops-prod-my_db-1.bak"


def environment(**settings: Any) -> Any:
    document = {"stack": {"enabled": True}, "secrets": {"sqlserver_sa_password": "Admin-1"}, **settings}
    return SimpleNamespace(name="prod", settings=Settings.model_validate(document), origins={})


def backup(warehouse: WarehouseCopy | None) -> Backup:
    file = StoredFile("backup-files/x/metadata.dump", 1, "0")
    return Backup(ID, 1, "prod", "dataops-prod", "2026", "ada", "", None, {}, file, warehouse)


def on_server(path: str = PATH, database: str = "my db") -> WarehouseCopy:
    return WarehouseCopy("sqlserver", on_server=ServerFile("127.0.0.1:1433", database, path, 7, False))


def silent(_subject: str, _text: str) -> None:
    pass


SERVER = ServerKeeper(environment(warehouse={"engine": "sqlserver", "database": "my db"}), silent)


class FakeEngine:
    """An engine whose one container answers a command with these bytes and this exit code."""

    def __init__(self, stdout: bytes = b"", stderr: bytes = b"", code: int | None = 0) -> None:
        self.frames = [(1, stdout), (2, stderr)]
        self.code = code
        self.asked: list[tuple[list[str], Mapping[str, str]]] = []

    def make_exec(self, _container: str, command: list[str], **options: Any) -> str:
        self.asked.append((command, options["environment"]))
        return "id"

    def start_exec(self, _identity: str, *, tty: bool) -> Any:
        pieces = [struct.pack(">BxxxL", stream, len(said)) + said for stream, said in self.frames if said]
        return SimpleNamespace(pieces=lambda: iter(pieces), close=lambda: None)

    def inspect_exec(self, _identity: str) -> dict[str, Any]:
        return {"ExitCode": self.code}


def asking(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, *, other_version: bool = False
) -> EmbeddedKeeper:
    container = SimpleNamespace(id="c", name="prod-dataops-dbt")
    dbt = SimpleNamespace(container=container, other_version=other_version)
    monkeypatch.setattr("dataops_cli.deploy.backup_embedded.dbt_container", lambda *_: dbt)
    monkeypatch.setattr(
        "dataops_cli.deploy.backup_embedded.for_a_command", lambda _environment: {"DATAOPS_ENV": "prod"}
    )
    return EmbeddedKeeper(SimpleNamespace(), environment(), Files(engine, SimpleNamespace(), silent))  # type: ignore[arg-type]


def test_the_cli_in_the_container_is_asked_for_json(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(b'{"files": []}\n', b"warning: something\n")
    assert asking(engine, monkeypatch)._ask("snapshot", "take", ID) == {"files": []}
    ((command, variables),) = engine.asked
    assert command == ["dataops", "--json", "--quiet", "snapshot", "take", ID]
    assert variables["DATAOPS_ENV"] == "prod"
    assert "@" in variables["DATAOPS_CALLER"]


def test_its_error_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    error = {
        "reason": "The warehouse is in use by `dataops run`",
        "details": ["a"],
        "hint": "Wait.",
        "exit_code": 4,
    }
    engine = FakeEngine(json.dumps({"error": error}).encode(), code=4)
    with pytest.raises(DataopsError, match="in use by") as caught:
        asking(engine, monkeypatch)._ask("snapshot", "publish", ID)
    assert (caught.value.exit_code, caught.value.hint, caught.value.details) == (4, "Wait.", ("a",))


@pytest.mark.parametrize(
    ("older", "code", "hint"),
    [
        (True, 2, "bring it up to date: dataops up dbt"),
        (False, 137, "dataops logs dbt"),
        (False, None, "logs"),
    ],
)
def test_an_answer_that_is_none_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, older: bool, code: int | None, hint: str
) -> None:
    engine = FakeEngine(b"", b"Usage: dataops\nNo such command 'snapshot'.\n", code)
    with pytest.raises(
        DataopsError, match="`dataops snapshot take` failed in prod-dataops-dbt: No such"
    ) as caught:
        asking(engine, monkeypatch, other_version=older)._ask("snapshot", "take", ID)
    assert hint in caught.value.hint


def test_who_keeps_a_warehouse() -> None:
    files = Files(SimpleNamespace(), SimpleNamespace(), silent)  # type: ignore[arg-type]
    duckdb = {"engine": "duckdb"}
    inside = environment(warehouse=duckdb, dbt={"runner": "container"})
    assert isinstance(keeper(SimpleNamespace(), inside, files), EmbeddedKeeper)  # type: ignore[arg-type]
    assert keeper(SimpleNamespace(), environment(warehouse=duckdb), files) is None  # type: ignore[arg-type]
    assert isinstance(
        keeper(SimpleNamespace(), environment(warehouse={"engine": "sqlserver"}), files),  # type: ignore[arg-type]
        ServerKeeper,
    )


def test_a_warehouse_that_moved_to_another_engine_is_refused() -> None:
    with pytest.raises(
        DataopsError, match=r"is of a warehouse in sqlserver, and warehouse\.engine is duckdb"
    ) as caught:
        require_same_engine(backup(on_server()), on_server(), environment(warehouse={"engine": "duckdb"}))
    assert caught.value.exit_code == ExitCode.REFUSED


def test_what_would_be_said_to_sql_server() -> None:
    assert SERVER.plan_back_up() == [
        "BACKUP DATABASE [my db] TO DISK = N'<backup folder>/dataops-prod-my_db-1.bak' WITH\n"
        "    COPY_ONLY,\n    CHECKSUM,\n    FORMAT,\n    INIT,\n    NAME = N'<id>',\n    STATS = 5",
        "RESTORE VERIFYONLY FROM DISK = N'<backup folder>/dataops-prod-my_db-1.bak' WITH CHECKSUM",
    ]
    assert SERVER.plan_restore(on_server()) == [
        f"RESTORE HEADERONLY FROM DISK = N'{PATH}'",
        f"RESTORE VERIFYONLY FROM DISK = N'{PATH}' WITH CHECKSUM",
        "ALTER DATABASE [my db] SET SINGLE_USER WITH ROLLBACK IMMEDIATE",
        f"RESTORE DATABASE [my db] FROM DISK = N'{PATH}' WITH\n    REPLACE,\n    CHECKSUM,\n    STATS = 5",
        "ALTER DATABASE [my db] SET MULTI_USER",
    ]


def test_files_of_other_backups_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def back_up(_server: object, *arguments: Any) -> BackupFile:
        asked.append(arguments[:3])
        return BackupFile("/b/2.bak", 9, True)

    monkeypatch.setattr(backup_server.server_backup, "back_up", back_up)
    made = SERVER.back_up(ID, [backup(on_server()), backup(None)])
    assert asked == [(ID, "dataops-prod-my db", [PATH])]
    assert made == WarehouseCopy(
        "sqlserver", on_server=ServerFile("127.0.0.1:1433", "my db", "/b/2.bak", 9, True)
    )


def test_a_backup_of_another_database_is_refused() -> None:
    with pytest.raises(DataopsError, match="is of the database other") as caught:
        SERVER.prepare(backup(None), on_server(database="other"))
    assert caught.value.exit_code == ExitCode.REFUSED
