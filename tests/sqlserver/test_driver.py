"""Which ODBC driver is taken, what is said where it cannot be loaded, and that Microsoft's own can."""

from __future__ import annotations

import ctypes
import socket
import time
from pathlib import Path

import pytest

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.warehouse.sqlserver import driver
from dataops_cli.warehouse.sqlserver.connection import Account, Server
from dataops_cli.warehouse.sqlserver.driver import SYSTEM_DRIVERS, VARIABLE
from dataops_cli.warehouse.sqlserver.errors import Asked, SqlServerError
from dataops_cli.warehouse.sqlserver.listener import require_listener
from sqlserver.settings import settings
from support import free_port

NEWEST, OLDER = SYSTEM_DRIVERS
WHEEL = "/wheel.so"


@pytest.mark.parametrize(
    ("asked", "registered", "bundled", "name", "file", "origin"),
    [
        (None, {NEWEST: "/18.so", OLDER: "/17.so"}, WHEEL, NEWEST, "/18.so", f"{NEWEST}, of the system"),
        (None, {OLDER: "/17.so"}, WHEEL, OLDER, "/17.so", f"{OLDER}, of the system"),
        (None, {"SQLite": "/sqlite.so"}, WHEEL, WHEEL, WHEEL, "of the package mssql-python-odbc"),
        (OLDER, {NEWEST: "/18.so", OLDER: "/17.so"}, WHEEL, OLDER, "/17.so", f"as {VARIABLE} says"),
        ("/mine.so", {NEWEST: "/18.so"}, WHEEL, "/mine.so", "/mine.so", f"as {VARIABLE} says"),
        ("Mine", {NEWEST: "/18.so"}, WHEEL, "Mine", "", f"as {VARIABLE} says"),
        ("", {NEWEST: ""}, None, NEWEST, "", "of the system"),
    ],
)
def test_which_driver(
    asked: str | None, registered: dict[str, str], bundled: str | None, name: str, file: str, origin: str
) -> None:
    chosen = driver.choose(asked, registered, bundled)
    assert chosen is not None
    assert (chosen.name, chosen.file) == (name, file)
    assert origin in chosen.origin


def test_no_driver_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert driver.choose(None, {"SQLite": "/sqlite.so"}, None) is None
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(driver, "registered_drivers", dict)
    monkeypatch.setattr(driver, "_bundled", lambda: None)
    with pytest.raises(DataopsError, match="There is no ODBC driver") as raised:
        driver.find_driver()
    assert raised.value.exit_code == ExitCode.UNAVAILABLE
    assert raised.value.hint == "Install it: pip install mssql-python-odbc"


NOT_THERE = "cannot open shared object file: No such file or directory"


@pytest.mark.parametrize(
    ("complaint", "reason", "hint"),
    [
        (f"libltdl.so.7: {NOT_THERE}", "libltdl.so.7, which", "sudo apt-get install libltdl7"),
        (f"libodbc.so.2: {NOT_THERE}", "libodbc.so.2, which", "sudo apt-get install unixodbc"),
        (f"libodbcinst.so.2: {NOT_THERE}", "libodbcinst.so.2, which", "sudo apt-get install unixodbc"),
        (f"/x/libother.so.1: {NOT_THERE}", "libother.so.1, which", "apt-file search libother.so.1"),
        ("/x/y.so: invalid ELF header", "cannot be loaded: /x/y.so: invalid ELF header", "pip install"),
    ],
)
def test_a_driver_that_cannot_be_loaded(complaint: str, reason: str, hint: str) -> None:
    error = driver.missing_library(complaint)
    assert reason in error.reason
    assert hint in error.hint
    assert error.exit_code == ExitCode.UNAVAILABLE


def test_a_file_that_is_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "driver.so"
    file.write_text("no library")
    monkeypatch.setenv(VARIABLE, str(file))
    with pytest.raises(DataopsError, match="cannot be loaded"):
        driver.find_driver()


@pytest.mark.parametrize(
    ("os_release", "family"),
    [
        ({"ID": "debian"}, "debian_ubuntu"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "debian_ubuntu"),
        ({"ID": "opensuse-leap", "ID_LIKE": "suse opensuse"}, "suse"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "rhel"),
    ],
)
def test_the_wheels_build_for_a_distribution(tmp_path: Path, os_release: dict[str, str], family: str) -> None:
    for name in ("debian_ubuntu", "suse", "rhel"):
        library = tmp_path / "linux" / name / "x86_64" / "lib" / "libmsodbcsql-18.6.so.2.1"
        library.parent.mkdir(parents=True)
        library.touch()
    found = driver.bundled_driver(tmp_path, os_release, "x86_64")
    assert found == str(tmp_path / "linux" / family / "x86_64" / "lib" / "libmsodbcsql-18.6.so.2.1")
    assert driver.bundled_driver(tmp_path, os_release, "riscv64") is None


def test_the_file_of_a_driver_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odbcinst.ini").write_text(f"[{NEWEST}]\nDescription=100% Microsoft's\nDriver = /opt/it.so\n")
    monkeypatch.setenv("ODBCSYSINI", str(tmp_path))
    assert driver._registered_file(NEWEST) == "/opt/it.so"
    assert driver._registered_file("SQLite") == ""


def test_the_wheels_driver_is_there_and_loads() -> None:
    bundled = driver._bundled()
    assert bundled is not None
    assert Path(bundled).is_file()
    try:
        ctypes.CDLL(bundled)
    except OSError as error:
        missing = driver.missing_library(str(error))
        pytest.fail(f"{missing.reason}: {missing.hint}")


def test_the_drivers_own_error_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Microsoft's driver from the wheel, in this process, asked for a port on which nobody answers."""
    monkeypatch.setenv(VARIABLE, str(driver._bundled()))
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        server = Server(settings(port=port, login_timeout=1))
        with pytest.raises(DataopsError) as raised, server.connect(Account.BUILD):
            pass
    error = raised.value
    assert error.exit_code == ExitCode.UNAVAILABLE
    assert error.reason == f"Cannot reach SQL Server at 127.0.0.1:{port}: Login timeout expired"
    assert "warehouse.server and warehouse.port" in error.hint
    assert "Microsoft" in str(error.__cause__)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", r"127.0.0.1\SALES"])
def test_a_port_on_which_nobody_listens(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(driver._bundled()))
    port = free_port()
    server = Server(settings(server=host, port=port, login_timeout=300))
    began = time.monotonic()
    with pytest.raises(SqlServerError, match=f":{port}: connection refused$"), server.connect(Account.BUILD):
        pass
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(-2, "Name or service not known"), "host unknown"),
        (TimeoutError("timed out"), "no answer within 15 s"),
        (OSError(113, "No route to host"), "No route to host"),
    ],
)
def test_why_a_server_cannot_be_reached(error: OSError, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_address: object, timeout: float) -> None:
        assert timeout == 15
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)
    with pytest.raises(SqlServerError, match=f"^Cannot reach SQL Server at db:1: {said}$") as raised:
        require_listener("db", 1, 15, Asked("db:1"))
    assert raised.value.exit_code == ExitCode.UNAVAILABLE
    for name in ("(local)", "np:db", "."):  # which the driver alone understands
        require_listener(name, 1, 15, Asked("db:1"))
