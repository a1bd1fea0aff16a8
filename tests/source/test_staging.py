from __future__ import annotations

import os
import shutil
import signal
import threading
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.source.staging import staged_database

FULL = "IO Error: Could not write file: No space left on device"


def fail(tmp_path: Path, error: Exception) -> DataopsError:
    with pytest.raises(DataopsError) as caught, staged_database(tmp_path / "source.duckdb"):
        raise error
    assert list(tmp_path.iterdir()) == []
    return caught.value


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (duckdb.IOException(FULL), "no space left on device"),
        (duckdb.OutOfMemoryException("Out of Memory Error"), "Not enough memory or spill space"),
        (duckdb.InternalException("a row with Ada Secret"), "DuckDB failed (InternalException)"),
        (OSError(28, "No space left on device"), "Cannot use"),
        (OSError(30, "Read-only file system"), "Cannot use"),
    ],
)
def test_failures_of_the_machine(tmp_path: Path, error: Exception, said: str) -> None:
    explained = fail(tmp_path, error)
    assert said in explained.reason
    assert "Secret" not in explained.reason
    assert explained.exit_code == ExitCode.UNAVAILABLE
    assert explained.hint


def test_a_full_disk_is_seen_without_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
    assert "no space left on device" in fail(tmp_path, duckdb.IOException("IO Error")).reason


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataopsError) as caught, staged_database(tmp_path / "file" / "source.duckdb"):
        pass
    assert caught.value.exit_code == ExitCode.UNAVAILABLE


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    target = tmp_path / "source.duckdb"
    left = tmp_path / "source.duckdb.work"
    left.mkdir()
    (left / "spill").touch()
    with staged_database(target) as staging:
        staging.connection.execute('CREATE TABLE "Sales"."T" (a INTEGER)')
    assert list(tmp_path.iterdir()) == [target]


def test_other_errors_pass_through(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), staged_database(tmp_path / "source.duckdb"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


class Busy:
    """Stands for a connection that is interrupted in the midst of a statement, and ends it when it is told to."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def execute(self, statement: str, _parameters: object = None) -> None:
        if statement == "LONG":
            os.kill(os.getpid(), signal.SIGINT)
            assert self.ended.wait(60)

    def interrupt(self) -> None:
        self.ended.set()

    def close(self) -> None:
        pass


def test_ctrl_c_ends_a_statement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Busy()
    monkeypatch.setattr(duckdb, "connect", lambda *_args, **_options: busy)
    with pytest.raises(KeyboardInterrupt), staged_database(tmp_path / "source.duckdb") as staging:
        staging.connection.execute("LONG")
    assert busy.ended.is_set()
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_that_duckdb_makes_an_error_of_is_ctrl_c(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), staged_database(tmp_path / "source.duckdb"):  # noqa: PT012
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        raise RuntimeError("Query interrupted")
    assert list(tmp_path.iterdir()) == []
