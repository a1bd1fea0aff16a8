"""The stand-in for a while: PostgreSQL in a container, and the server before it."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg

IMAGE = "dataops-test/postgres:15"
# Also inside the container: the superuser's password comes from a file, as the image wants it.
BEGIN = (
    'umask 077; printf %s "$PASSWORD" >/tmp/password; chown postgres /tmp/password; exec entrypoint postgres '
)
SETTINGS = "-c fsync=off -c full_page_writes=off -c max_connections=200 -c max_locks_per_transaction=256 -c shared_buffers=256MB"


@dataclass(frozen=True)
class Running:
    host: str
    port: int
    user: str
    password: str
    postgres: str
    """libpq DSN of PostgreSQL's superuser, to look behind the scenes."""
    container: str

    def connection_string(self, database: str = "master", user: str = "", password: str = "") -> str:
        return (
            f"DRIVER={{{driver()}}};SERVER={self.host},{self.port};DATABASE={database};UID={user or self.user};"
            f"PWD={password or self.password};Encrypt=yes;TrustServerCertificate=yes"
        )


def driver() -> str:
    """Microsoft's driver, from the package mssql-python-odbc."""
    package = find_spec("mssql_python_odbc")
    assert package
    assert package.origin
    libraries = Path(package.origin).parent / "libs" / "linux" / "debian_ubuntu"
    return str(next(libraries.glob("*/lib/libmsodbcsql-18*.so*")))


@contextmanager
def running(*, log: str = "WARNING", log_file: Path | None = None) -> Iterator[Running]:
    """Everything that it starts is gone at the end, also where that is a SIGTERM."""
    with _terminable(), _running(log, log_file) as server:
        yield server


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _running(log: str, log_file: Path | None) -> Iterator[Running]:
    name = f"dataops-tsql-{secrets.token_hex(4)}"
    password, own = f"Sa-{secrets.token_hex(8)}", secrets.token_hex(8)
    _docker(
        "run", "--detach", "--rm", "--name", name, "--publish", "127.0.0.1::5432", "--env", "LANG=C.UTF-8", "--env", "POSTGRES_USER=postgres",
        "--env", "POSTGRES_DB=tsql", "--env", f"PASSWORD={own}", "--env", "POSTGRES_PASSWORD_FILE=/tmp/password",
        "--entrypoint", "sh", IMAGE, "-c", BEGIN + SETTINGS,
    )  # fmt: skip
    try:
        port = _docker("port", name, "5432").splitlines()[0].rsplit(":", 1)[1]
        dsn = f"host=127.0.0.1 port={port} user=postgres password={own} dbname=tsql"
        _wait(dsn)
        with _server(dsn, password, log, log_file) as address:
            host, _, number = address.rpartition(":")
            yield Running(host, int(number), "sa", password, dsn, name)
    finally:
        _docker("rm", "--force", "--volumes", name)


@contextmanager
def _server(dsn: str, password: str, log: str, log_file: Path | None) -> Iterator[str]:
    tests = str(Path(__file__).resolve().parent.parent)
    with (log_file or Path(os.devnull)).open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tsql_server", "--postgres", dsn, "--log", log],
            stdout=subprocess.PIPE,
            stderr=errors if log_file else None,
            text=True,
            env=os.environ | {"PYTHONPATH": tests, "TSQL_SERVER_SA_PASSWORD": password},
        )
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("listening on "), f"the stand-in did not start: {line!r}"
        yield line.removeprefix("listening on ").strip()
    finally:
        process.terminate()
        process.wait(60)
        if process.stdout:
            process.stdout.close()


def _wait(dsn: str, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(dsn, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
