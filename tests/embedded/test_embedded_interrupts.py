"""Ctrl-C while DuckDB works."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pytest

from dataops_cli.warehouse import backup
from dataops_cli.warehouse.embedded import EmbeddedWarehouse
from dataops_cli.warehouse.embedded_calls import interruptible
from dataops_cli.warehouse.embedded_query import embedded_session
from dataops_cli.warehouse.generation import Generation
from dataops_cli.warehouse.lock import hold
from support import until

# Works for half a minute.
LONG = "select sum(hash(a.range * b.range)) as total from range(30000) a, range(1000000) b"


@contextmanager
def ctrl_c_when_it_works() -> Iterator[None]:
    """Once the block has computed for a while."""
    begun = time.process_time()

    def ask() -> None:
        until(lambda: time.process_time() > begun + 0.5, pause=0.05)
        os.kill(os.getpid(), signal.SIGINT)

    user = threading.Thread(target=ask)
    user.start()
    try:
        yield
    finally:
        user.join()


class Busy:
    """Stands for a connection that works until it hears the second request to end."""

    def __init__(self) -> None:
        self.requests = 0
        self.ended = threading.Event()

    def work(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert self.ended.wait(60)
        raise RuntimeError("Query interrupted")

    def interrupt(self) -> None:
        self.requests += 1
        if self.requests == 1:
            os.kill(os.getpid(), signal.SIGINT)  # an impatient user
        else:
            self.ended.set()


def test_nothing_runs_any_more_after_an_interrupt() -> None:
    busy: Any = Busy()
    with pytest.raises(KeyboardInterrupt):
        interruptible(busy, busy.work)
    assert busy.ended.is_set()


def test_duckdb_ends_what_it_is_at() -> None:
    ended: list[str] = []

    def work() -> None:
        try:
            connection.execute(LONG)
            ended.append("by itself")
        except duckdb.InterruptException:
            ended.append("by the interrupt")
            raise

    with duckdb.connect() as connection, pytest.raises(KeyboardInterrupt), ctrl_c_when_it_works():
        interruptible(connection, work)
    assert ended == ["by the interrupt"]


class Watched:
    """A connection that notes what it is asked in the main thread."""

    heard_nothing: ClassVar[list[str]] = []

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def execute(self, statement: Any, *given: Any) -> Watched:
        self.note(str(statement))
        self.connection.execute(statement, *given)
        return self

    def fetchall(self) -> list[Any]:
        self.note("fetchall")
        return self.connection.fetchall()

    def fetchmany(self, count: int) -> list[Any]:
        self.note("fetchmany")
        return self.connection.fetchmany(count)

    def note(self, what: str) -> None:
        if threading.current_thread() is threading.main_thread():
            self.heard_nothing.append(what)


def test_no_statement_runs_where_it_could_not_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = EmbeddedWarehouse(tmp_path)
    duckdb.connect(str(warehouse.source)).close()
    connect = duckdb.connect
    monkeypatch.setattr("duckdb.connect", lambda *given, **named: Watched(connect(*given, **named)))
    monkeypatch.setattr(Watched, "heard_nothing", [])
    with hold(tmp_path, "test") as lease:
        candidate = warehouse.begin("run-1", from_published=False)
        candidate.finish([])
        candidate.query("select 1", 1)
        warehouse.publish(
            candidate, Generation("run-1", 1, None, None, {}, "2026-01-01T00:00:00+00:00"), lease
        )
    assert backup.take(warehouse, "snapshot")
    with embedded_session(tmp_path) as session:
        (answer,) = session.answers("select 1")
        assert answer.fetch(1) == [(1,)]
        assert answer.fetch(None) == []
    assert Watched.heard_nothing == []
