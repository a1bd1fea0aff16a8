"""`dataops source restore` as it is typed: plans word by word, refusals, and a whole restore on stand-ins."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyodbc
import pytest

from dataops_cli import docker_api
from dataops_cli.docker_api import EngineError
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.source.tables import TABLES
from dataops_cli.warehouse.sqlserver import connection
from dataops_cli.warehouse.sqlserver.driver import Driver
from sqlserver.file_server import serving
from sqlserver.restoring_server import Database, RestoringServer, failure
from support import Dataops

WANTED = [(table.schema, table.name) for table in TABLES]
CONTENT = hashlib.shake_256(b"a backup").digest(2_500_000)
COPY = "/var/opt/mssql/dataops-restore/AdventureWorks2014.bak"
PASSWORD = {"DATAOPS_SECRETS__SQLSERVER_SA_PASSWORD": "Secret-1!"}  # kingfisher:ignore


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, new_platform) -> Path:
    return new_platform(tmp_path_factory.mktemp("restore") / "platform")


class Container:
    """The engine with one container: what was put into it, and what was run in it."""

    api_version = (1, 41)

    def __init__(self, state: str = "running") -> None:
        self.state = state
        self.files: dict[str, bytes] = {}
        self.owners: dict[str, tuple[int, int]] = {}
        self.ran: list[list[str]] = []
        self.refuses = False
        self.code = 0

    def containers(self, *_labels: str) -> list[dict[str, Any]]:
        labels = {
            "com.docker.compose.project": "dataops-dev",
            "com.docker.compose.service": "sqlserver",
            "com.docker.compose.config-hash": "x",
        }
        facts = {
            "Id": "c1",
            "Names": ["/dataops-sqlserver"],
            "State": self.state,
            "Image": "i",
            "ImageID": "i",
        }
        return [{**facts, "Labels": labels}]

    def put_pieces(self, container: str, folder: str, pieces: Iterator[bytes]) -> None:
        archive = b"".join(pieces)
        if self.refuses:
            raise EngineError(
                "The Docker engine refused: no space left", hint="Free some.", exit_code=ExitCode.UNAVAILABLE
            )
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            for entry in opened:
                self.owners[f"{folder}/{entry.name}"] = (entry.uid, entry.mode)
                if entry.isfile():
                    self.files[f"{folder}/{entry.name}"] = opened.extractfile(entry).read()

    def exec(self, container: str, command: list[str]) -> tuple[int, bytes]:
        self.ran.append(command)
        return self.code, b""


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Container:
    made = Container()
    monkeypatch.setattr(docker_api, "connect", lambda: made)
    return made


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> RestoringServer:
    made = RestoringServer(WANTED)
    monkeypatch.setattr(pyodbc, "connect", made.connect)
    monkeypatch.setattr(connection, "find_driver", lambda: Driver("ODBC Driver 18 for SQL Server", "", ""))
    monkeypatch.setattr(connection, "require_listener", lambda *_: None)
    monkeypatch.setenv("NO_PROXY", "*")
    return made


def test_a_plan_needs_no_server(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("source", "restore", "--env", "dev", "--plan", cwd=platform)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == f"""\
Unless AdventureWorks2014 is there with all its tables:
download https://github.com/Microsoft/sql-server-samples/releases/download/adventureworks/AdventureWorks2014.bak to \
.dataops/downloads/AdventureWorks2014.bak
copy .dataops/downloads/AdventureWorks2014.bak into the container of sqlserver as {COPY}
RESTORE FILELISTONLY FROM DISK = N'{COPY}'
RESTORE DATABASE [AdventureWorks2014] FROM DISK = N'{COPY}' WITH
    MOVE N'<data file>' TO N'<data folder>/AdventureWorks2014.mdf',
    MOVE N'<log file>' TO N'<log folder>/AdventureWorks2014_log.ldf',
    STATS = 5
ALTER DATABASE [AdventureWorks2014] SET MULTI_USER
remove the copy from the container
"""
    )


def test_a_plan_that_replaces_from_a_path_of_the_server(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here(
        "source",
        "restore",
        "--env",
        "dev",
        "--plan",
        "--force",
        "--from",
        "/b/x.bak",
        "--on-server",
        cwd=platform,
    )
    assert (
        done.stdout
        == """\
RESTORE FILELISTONLY FROM DISK = N'/b/x.bak'
RESTORE VERIFYONLY FROM DISK = N'/b/x.bak' WITH
    MOVE N'<data file>' TO N'<data folder>/AdventureWorks2014.mdf',
    MOVE N'<log file>' TO N'<log folder>/AdventureWorks2014_log.ldf'
ALTER DATABASE [AdventureWorks2014] SET SINGLE_USER WITH ROLLBACK IMMEDIATE
RESTORE DATABASE [AdventureWorks2014] FROM DISK = N'/b/x.bak' WITH
    MOVE N'<data file>' TO N'<data folder>/AdventureWorks2014.mdf',
    MOVE N'<log file>' TO N'<log folder>/AdventureWorks2014_log.ldf',
    REPLACE,
    STATS = 5
ALTER DATABASE [AdventureWorks2014] SET MULTI_USER
"""
    )


def test_an_environment_without_sql_server_loads_files(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("source", "restore", cwd=platform)
    assert done.returncode == 2
    assert "dataops source load --from DIR" in done.stderr


def test_a_server_elsewhere_gets_no_copy(dataops_here: Dataops, platform: Path) -> None:
    elsewhere = {"DATAOPS_WAREHOUSE__SERVER": "sql.example.com"}
    done = dataops_here("source", "restore", "--env", "dev", "--plan", cwd=platform, **elsewhere)
    assert done.returncode == 3
    assert "dataops source restore --env dev --from PATH --on-server" in done.stderr


def test_one_database_for_both_is_refused(dataops_here: Dataops, platform: Path) -> None:
    one = {"DATAOPS_WAREHOUSE__DATABASE": "AdventureWorks2014"}
    done = dataops_here("source", "restore", "--env", "dev", "--force", cwd=platform, **one)
    assert done.returncode == 5


def test_downloaded_copied_restored_and_cleared_away(
    dataops_here: Dataops, platform: Path, container: Container, server: RestoringServer
) -> None:
    with serving(CONTENT) as served:
        command = ("source", "restore", "--env", "dev", "--from", served.url + "?sig=hidden")
        done = dataops_here(*command, "--json", cwd=platform, **PASSWORD)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert said["from"] == served.url
        assert said["sha256"] == hashlib.sha256(CONTENT).hexdigest()
        assert said["restored"] is True
        assert container.files == {COPY: CONTENT}
        assert container.owners == {
            "/var/opt/mssql/dataops-restore": (10001, 0o775),
            COPY: (10001, 0o644),
        }
        assert container.ran == [["rm", "-rf", "/var/opt/mssql/dataops-restore"]]
        assert "hidden" not in done.stdout + done.stderr

        again = dataops_here(*command, cwd=platform, **PASSWORD)
        assert again.stdout.startswith("AdventureWorks2014 is there already")
        assert len(served.requests) == 1
        forced = dataops_here(*command, "--force", cwd=platform, **PASSWORD)
        assert "dataops source grants --env dev" in forced.stdout
        assert len(served.requests) == 1  # it was downloaded already


@pytest.mark.parametrize("fault", ["engine", "server"])
def test_the_copy_is_removed_after_a_failure_too(
    dataops_here: Dataops,
    platform: Path,
    container: Container,
    server: RestoringServer,
    tmp_path: Path,
    fault: str,
) -> None:
    file = tmp_path / "x.bak"
    file.write_bytes(CONTENT)
    container.refuses = fault == "engine"
    if fault == "server":
        server.failures = {"RESTORE FILELISTONLY": failure(3241, "The media family is incorrectly formed.")}
    done = dataops_here("source", "restore", "--env", "dev", "--from", file, cwd=platform, **PASSWORD)
    assert done.returncode == (3 if fault == "engine" else 1)
    assert len(container.ran) == 1
    assert server.databases == {}


def test_a_copy_that_stays_is_said(
    dataops_here: Dataops, platform: Path, container: Container, server: RestoringServer, tmp_path: Path
) -> None:
    file = tmp_path / "x.bak"
    file.write_bytes(b"")
    container.code = 1
    done = dataops_here("source", "restore", "--env", "dev", "--from", file, cwd=platform, **PASSWORD)
    assert done.returncode == 0
    assert "exec --env dev sqlserver -- rm -rf /var/opt/mssql/dataops-restore" in done.stderr


def test_a_container_that_does_not_run(
    dataops_here: Dataops, platform: Path, container: Container, server: RestoringServer
) -> None:
    container.state = "exited"
    done = dataops_here("source", "restore", "--env", "dev", cwd=platform, **PASSWORD)
    assert done.returncode == 3
    assert "dataops up sqlserver --env dev" in done.stderr


def test_what_the_server_sees_needs_no_docker(
    dataops_here: Dataops, platform: Path, server: RestoringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect() -> None:
        raise DataopsError("There is no Docker", hint="Start it.", exit_code=ExitCode.UNAVAILABLE)

    monkeypatch.setattr(docker_api, "connect", connect)
    server.databases["AdventureWorks2014"] = Database("RESTORING")
    options = ("--from", r"C:\b\x.bak", "--on-server")
    server.folders = ("C:\\data", "D:\\log\\")
    elsewhere = {"DATAOPS_WAREHOUSE__SERVER": "sql.example.com", **PASSWORD}
    done = dataops_here("source", "restore", "--env", "dev", *options, cwd=platform, **elsewhere)
    assert done.returncode == 0, done.stderr
    assert "This command is not in the audit: There is no Docker" in done.stderr
    assert r"TO N'C:\data\AdventureWorks2014.mdf'" in server.changes[1]
