"""What becomes of a connection whose query is interrupted: the driver does not survive to close it under a call."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pyodbc
import pytest

from dataops_cli.errors import DataopsError
from dataops_cli.warehouse.sqlserver import connection, interruptible
from dataops_cli.warehouse.sqlserver.connection import Server
from dataops_cli.warehouse.sqlserver.driver import Driver
from dataops_cli.warehouse.sqlserver.query import sqlserver_session
from sqlserver.settings import settings

SLOW = "SELECT 1 -- slow"


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class Raw:
    """A pyodbc.Connection, and its cursor. Ctrl-C is pressed in its slow query."""

    def __init__(self, cancelling: Callable[[Raw], None]) -> None:
        self.cancelling = cancelling
        self.cancelled, self.ended = threading.Event(), threading.Event()
        self.closed_while_it_ran: list[bool] = []

    def add_output_converter(self, *_: object) -> None:
        pass

    def cursor(self) -> Cursor:
        return Cursor(self)

    def close(self) -> None:
        self.closed_while_it_ran.append(not self.ended.is_set())


class Cursor:
    def __init__(self, raw: Raw) -> None:
        self.raw = raw

    def execute(self, sql: str) -> None:
        if sql == SLOW:
            press()
            self.raw.cancelled.wait(60)
            self.raw.ended.set()

    def nextset(self) -> bool:
        return False

    def cancel(self) -> None:
        if not self.raw.ended.is_set():
            self.raw.cancelling(self.raw)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("cancelling", "grace", "closed"),
    [
        pytest.param(lambda raw: raw.cancelled.set(), 60, [False], id="it ends"),
        pytest.param(lambda _raw: None, 0.05, [], id="it does not end"),
        pytest.param(lambda _raw: press(), 60, [], id="it is not waited for"),
    ],
)
def test_a_connection_is_closed_when_its_query_has_ended(
    monkeypatch: pytest.MonkeyPatch, cancelling: Callable[[Raw], None], grace: float, closed: list[bool]
) -> None:
    raw = Raw(cancelling)
    monkeypatch.setattr(pyodbc, "connect", lambda *_, **__: raw)
    monkeypatch.setattr(connection, "find_driver", lambda: Driver("ODBC Driver 18 for SQL Server", "", ""))
    monkeypatch.setattr(connection, "require_listener", lambda *_: None)
    monkeypatch.setattr(interruptible, "GRACE", grace)
    say: Any = None
    with (
        pytest.raises(DataopsError, match="Interrupted"),
        sqlserver_session(Server(settings()), write=True, say=say) as session,
    ):
        list(session.answers(SLOW))
    assert raw.closed_while_it_ran == closed
    raw.cancelled.set()
