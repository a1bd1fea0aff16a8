"""Bulk copy: what is sent arrives whole, or an error says why."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.project import Project
from dataops_cli.settings.load import load_environment
from dataops_cli.warehouse.sqlserver.bulk_copy import BATCH, _explained, bulk_copy
from dataops_cli.warehouse.sqlserver.connection import Account, Server
from dataops_cli.warehouse.sqlserver.errors import Asked, SqlServerError
from sqlserver.conftest import ADDRESS, ENVIRONMENT, TsqlPlatform

engine = [] if os.environ.get(ADDRESS) else [pytest.mark.engine]


def on_server(function: Any) -> Any:
    for mark in engine:
        function = mark(function)
    return function


@pytest.fixture
def server(tsql: TsqlPlatform, monkeypatch: pytest.MonkeyPatch) -> Server:
    for name, value in tsql.secrets.items():
        monkeypatch.setenv(name, value)
    return Server(load_environment(Project(tsql.folder), ENVIRONMENT, {}).settings)


@pytest.fixture
def table(tsql: TsqlPlatform) -> str:
    tsql.execute("DROP TABLE IF EXISTS dbo.[bulk [copy]]]")
    tsql.execute(
        "CREATE TABLE dbo.[bulk [copy]]] (number int NOT NULL PRIMARY KEY, text nvarchar(20) NULL, "
        "amount numeric(38,6) NULL, price money NULL, is_so bit NULL, at datetime NULL, id uniqueidentifier NULL)"
    )
    return "[dbo].[bulk [copy]]]"


def numbered(count: int, first: int = 0) -> Iterator[tuple[Any, ...]]:
    for number in range(first, first + count):
        yield (number, *[None] * 6)


def count(tsql: TsqlPlatform, table: str) -> int:
    return int(tsql.rows(f"SELECT count(*) FROM {table}")[0][0])


@contextmanager
def blocked(tsql: TsqlPlatform, table: str) -> Iterator[None]:
    """The server does not answer who uses the table."""
    with tsql.connect() as other:
        other.execute(f"BEGIN TRANSACTION; TRUNCATE TABLE {table}")
        yield
        other.execute("ROLLBACK TRANSACTION")


@on_server
def test_values_of_every_type_arrive(tsql: TsqlPlatform, server: Server, table: str) -> None:
    row = (
        1,
        "Ünïcode 'quoted'\t𝄞",
        Decimal("12345678901234567890.123456"),
        Decimal("-0.0001"),
        True,
        datetime(2014, 2, 8, 10, 1, 36, 827000),
        UUID("694215b7-08f7-4c0d-acb1-d734ba44c0c8"),
    )
    assert bulk_copy(server, Account.ADMIN, tsql.warehouse, table, [row, (2, *[None] * 6)]) == 2
    arrived = tsql.rows(f"SELECT * FROM {table} ORDER BY number")
    assert arrived[0][:6] == row[:6]
    assert UUID(str(arrived[0][6])) == row[6]
    assert arrived[1] == (2, *[None] * 6)


@on_server
def test_more_than_a_batch(tsql: TsqlPlatform, server: Server, table: str) -> None:
    assert bulk_copy(server, Account.ADMIN, tsql.warehouse, table, numbered(BATCH + 1)) == BATCH + 1
    assert count(tsql, table) == BATCH + 1


@on_server
def test_no_rows(tsql: TsqlPlatform, server: Server, table: str) -> None:
    assert bulk_copy(server, Account.ADMIN, tsql.warehouse, table, []) == 0


@on_server
def test_what_the_server_refuses(tsql: TsqlPlatform, server: Server, table: str) -> None:
    with pytest.raises(SqlServerError) as refused:
        bulk_copy(server, Account.ADMIN, tsql.warehouse, table, [*numbered(1), *numbered(1)])
    assert refused.value.number == 2627
    with pytest.raises(SqlServerError) as refused:
        bulk_copy(server, Account.ADMIN, tsql.warehouse, "[dbo].[nowhere]", numbered(1))
    assert refused.value.number == 208


@on_server
def test_a_value_that_does_not_fit(tsql: TsqlPlatform, server: Server, table: str) -> None:
    with pytest.raises(SqlServerError, match="21"):
        bulk_copy(server, Account.ADMIN, tsql.warehouse, table, [(1, "x" * 21, *[None] * 5)])
    assert count(tsql, table) == 0


@on_server
def test_an_error_of_the_rows_is_no_end_of_them(tsql: TsqlPlatform, server: Server, table: str) -> None:
    def broken() -> Iterator[tuple[Any, ...]]:
        yield from numbered(5)
        raise DataopsError("the file ended", hint="…")

    with pytest.raises(DataopsError, match="the file ended"):
        bulk_copy(server, Account.ADMIN, tsql.warehouse, table, broken())


@on_server
def test_ctrl_c_is_heard_while_rows_are_sent(tsql: TsqlPlatform, server: Server, table: str) -> None:
    def interrupted() -> Iterator[tuple[Any, ...]]:
        yield from numbered(BATCH)
        os.kill(os.getpid(), signal.SIGINT)
        yield from numbered(10 * BATCH, BATCH)

    with pytest.raises(KeyboardInterrupt):
        bulk_copy(server, Account.ADMIN, tsql.warehouse, table, interrupted())
    assert count(tsql, table) < 5 * BATCH


class Interrupting(UUID):
    """Its bytes, which the driver asks for in the middle of its work, come with a Ctrl-C."""

    @property
    def bytes(self) -> bytes:
        os.kill(os.getpid(), signal.SIGINT)
        return super().bytes


@on_server
def test_ctrl_c_in_the_middle_of_the_drivers_work(tsql: TsqlPlatform, server: Server, table: str) -> None:
    rows = [(0, *[None] * 5, Interrupting(int=1)), *numbered(2 * BATCH, 1)]
    with pytest.raises(KeyboardInterrupt):
        bulk_copy(server, Account.ADMIN, tsql.warehouse, table, rows)
    assert count(tsql, table) == BATCH


@on_server
def test_ctrl_c_while_the_server_does_not_answer(
    tsql: TsqlPlatform, server: Server, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataops_cli.warehouse.sqlserver.bulk_copy.TIMEOUT", 3)
    with blocked(tsql, table):
        # By another process: no thread of this one runs meanwhile.
        user = subprocess.Popen(["sh", "-c", f"sleep 1; kill -INT {os.getpid()}"])
        with pytest.raises(KeyboardInterrupt):
            bulk_copy(server, Account.ADMIN, tsql.warehouse, table, numbered(1))
        assert user.wait() == 0
        with pytest.raises(SqlServerError, match=r"was lost: .*Timeout") as late:
            bulk_copy(server, Account.ADMIN, tsql.warehouse, table, numbered(1))
    assert late.value.exit_code == ExitCode.UNAVAILABLE
    assert count(tsql, table) == 0


@on_server
def test_a_login_that_may_not(tsql: TsqlPlatform, server: Server, table: str) -> None:
    with pytest.raises(SqlServerError) as refused:
        bulk_copy(server, Account.READER, tsql.warehouse, table, numbered(1))
    assert "source grants" in refused.value.hint


def test_the_cores_texts_are_explained() -> None:
    full = _explained(
        RuntimeError("Sql Error: 1105: Class 17: State 2: Could not allocate space. on host-1 in  at line 1"),
        Asked("host:1433", "sa"),
    )
    assert (full.number, str(full)) == (1105, "SQL Server is out of space: Could not allocate space.")
    lost = _explained(RuntimeError("Connection Error: broken pipe"), Asked("host:1433", "sa"))
    assert lost.lost
    assert lost.exit_code == ExitCode.UNAVAILABLE
    assert "host:1433 was lost: Connection Error: broken pipe" in str(lost)
