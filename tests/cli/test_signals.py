"""What ends a command from outside, and what must not: a connection that drops, a reader that leaves."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dataops_cli import __main__ as program
from dataops_cli.cli import application
from dataops_cli.cli.recording import recorded
from dataops_cli.errors import ExitCode
from dataops_cli.settings.layers import SETTINGS_FROM
from support import clean_environment

# Stands for a deployment: its way back takes a while, and is not to be interrupted again.
WORKING = """
import signal, sys, time, typer.main
from dataops_cli import __main__ as program
signal.signal(signal.SIGHUP, int(sys.argv[1]))  # as whoever starts the command has it
class Working:
    def main(self, *_, **__):
        try:
            print("begun", flush=True)
            time.sleep(float(sys.argv[2]))
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            time.sleep(0.7)
            print("put back", flush=True)
            raise
typer.main.get_command = lambda _app: Working()
sys.exit(program.run([]))
"""


def outcome(*signals: int, hangup: int = signal.SIG_DFL, works: float = 60) -> tuple[int, list[str]]:
    """Of a command that gets signals, one after the other: its exit code and what it said."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKING, str(int(hangup)), str(works)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=clean_environment(),
    )
    assert process.stdout is not None
    said = [process.stdout.readline().strip()]
    for number in signals:
        os.kill(process.pid, number)
        if len(said) == 1 < len(signals):
            said.append(process.stdout.readline().strip())
    said += process.stdout.read().split("\n")[:-1]
    return process.wait(30), said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_connection_that_drops_interrupts_as_sigterm_does(number: int) -> None:
    assert outcome(number) == (130, ["begun", "interrupted", "put back"])


def test_a_hangup_that_comes_twice_does_not_interrupt_the_way_back() -> None:
    assert outcome(signal.SIGHUP, signal.SIGHUP) == (130, ["begun", "interrupted", "put back"])


def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    assert outcome(signal.SIGHUP, hangup=signal.SIG_IGN, works=3) == (0, ["begun"])


# Interrupted at the import of the named module, wherever that is.
IMPORTING = """
import os, signal, sys
module, number = sys.argv[1], int(sys.argv[2])
class Importing:
    def find_spec(self, name, *_):
        if name == module:
            os.kill(os.getpid(), number)
sys.meta_path.insert(0, Importing())
from dataops_cli.__main__ import main
sys.argv[1:] = ["runs"]
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "module", ["typer", "typer.core", "dataops_cli.cli.root", "dataops_cli.cli.runs", "dataops_cli.project"]
)
def test_an_interrupt_while_a_command_begins(module: str, number: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTING, module, str(int(number))],
        capture_output=True,
        text=True,
        env=clean_environment(),
        check=False,
    )
    assert ended.returncode == 130, ended.stderr
    assert ended.stderr.startswith("error: Interrupted\n")
    assert "Traceback" not in ended.stderr


def test_threads_in_the_midst_of_a_query_do_not_abort_the_program() -> None:
    busy = """
import sys, typer.main, duckdb
from dataops_cli import __main__ as program
from dataops_cli.threads import in_thread
def query():
    while True:
        duckdb.connect().execute("SELECT 1").fetchall()
class Asking:
    def main(self, *_, **__):
        for number in range(4):
            in_thread(query, "query")
        print("asked")
        raise KeyboardInterrupt
typer.main.get_command = lambda _app: Asking()
program.main()
"""
    ended = subprocess.run(
        [sys.executable, "-c", busy], capture_output=True, text=True, env=clean_environment(), check=False
    )
    assert (ended.returncode, ended.stdout) == (130, "asked\n"), ended.stderr
    assert "abort" not in ended.stderr
    assert "terminate" not in ended.stderr


@pytest.fixture
def signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals_as_before")
@pytest.mark.parametrize("changes", [False, True])
def test_an_interrupted_command_says_nothing_of_what_is_published(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changes: bool
) -> None:
    """It may have come after the switch, as of `dataops generations publish`."""

    class Publishing:
        def main(self, *_: object, **__: object) -> None:
            application._current.changes = changes
            raise KeyboardInterrupt

    command: Any = Publishing()
    monkeypatch.setattr("typer.main.get_command", lambda _app: command)
    assert program.run([]) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err.splitlines() == [
        "error: Interrupted",
        *["  → See what is published with: dataops generations"] * changes,
    ]


@pytest.mark.usefixtures("signals_as_before")
@pytest.mark.parametrize(("changes", "code"), [(False, ExitCode.DONE), (True, ExitCode.FAILED)])
def test_a_reader_that_leaves_does_not_make_a_change_a_success(
    monkeypatch: pytest.MonkeyPatch, changes: bool, code: int
) -> None:
    class Cut:
        def main(self, *_: object, **__: object) -> None:
            application._current.changes = changes
            raise BrokenPipeError

    command: Any = Cut()
    monkeypatch.setattr("typer.main.get_command", lambda _app: command)
    monkeypatch.setattr("dataops_cli.streams.silence", lambda _stream: None)
    assert program.run([]) == code


def test_a_command_that_is_recorded_goes_on_where_nobody_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, new_platform: Callable[[Path], Path]
) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    app = application.Application(project_dir=new_platform(tmp_path / "platform"))
    monkeypatch.setattr(sys, "stdout", Gone())
    with recorded(app):
        app.console.result({}, "a line")
    assert app.changes
    (entry,) = app.project.state("local").glob("audit/*-ended.json")
    assert json.loads(entry.read_text())["exit_code"] == 0


def test_in_a_container_a_command_changes_something_too(
    new_platform: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who called it there records it, but what is told of an interrupt depends on it."""
    monkeypatch.setenv(SETTINGS_FROM, "variables")
    app = application.Application(project_dir=new_platform(tmp_path / "platform"))
    with recorded(app):
        assert app.changes
    assert not [*app.project.state("local").glob("audit/*")]
