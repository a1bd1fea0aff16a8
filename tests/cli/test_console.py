"""Progress: live on a terminal, plain lines in a pipe, never a long silence."""

from __future__ import annotations

import errno
import io
import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest

import dataops_cli.console as console_module
from dataops_cli.console import Console, shown, table
from dataops_cli.errors import DataopsError
from support import clean_environment

BUSY = """
import sys
from dataops_cli.console import Console
with Console().activity("Counting sheep") as rename:
    sys.stdin.readline()
    rename("Counting goats")
    sys.stdin.readline()
"""


def test_a_terminal_shows_what_goes_on_and_for_how_long() -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=clean_environment(TERM="xterm-256color"),
    )
    os.close(follower)
    shown, deadline = b"", time.monotonic() + 60
    for label, seconds in (("sheep", "1 s"), ("goats", "2 s")):
        while not re.search(rf"Counting {label}.*{seconds}", shown.decode(errors="replace"), re.DOTALL):
            assert select.select([leader], [], [], deadline - time.monotonic())[0], shown
            shown += os.read(leader, 4096)
        os.write(leader, b"\n")
    with suppress(OSError):  # the end of a terminal
        while os.read(leader, 4096):
            pass
    assert process.wait(60) == 0
    os.close(leader)


def console(**options: bool) -> tuple[Console, io.StringIO, io.StringIO]:
    stdout, stderr = io.StringIO(), io.StringIO()
    return Console(stdout=stdout, stderr=stderr, **options), stdout, stderr


def test_a_pipe_gets_a_line_when_it_has_been_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_module, "SILENCE_SECONDS", 0.6)
    shown, stdout, stderr = console()
    began = time.monotonic()
    with shown.activity("Counting sheep"):
        while stderr.getvalue().count("\n") < 2 and time.monotonic() < began + 60:
            time.sleep(0.1)
    lines = stderr.getvalue().splitlines()
    assert 2 <= len(lines) <= (time.monotonic() - began) / 0.6
    assert all(line.startswith("… Counting sheep: ") and line.endswith(" s so far") for line in lines)
    assert stdout.getvalue() == ""


def test_quiet_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_module, "SILENCE_SECONDS", 0.1)
    shown, stdout, stderr = console(quiet=True)
    with shown.activity("Counting sheep"):
        time.sleep(0.8)
    shown.progress("a line")
    assert stdout.getvalue() + stderr.getvalue() == ""


def test_text_in_brackets_is_text() -> None:
    shown, stdout, _ = console()
    shown.result(None, "[bold]dbo[/bold].[order]", table(["[red]a"], [["[/red]"]]))
    assert "[bold]dbo[/bold].[order]" in stdout.getvalue()
    assert "[red]a" in stdout.getvalue()


def test_json_keeps_decimals_exact_and_text_as_it_is() -> None:
    shown, stdout, _ = console(as_json=True)
    shown.result({"sum": Decimal("109846381.399888"), "name": "Sánchez", "path": Path("a b")}, "a table")
    assert stdout.getvalue() == '{\n  "sum": "109846381.399888",\n  "name": "Sánchez",\n  "path": "a b"\n}\n'


def test_json_can_be_written_whatever_a_file_is_called() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    Console(as_json=True, stdout=stream).result({"file": "a\udcff.sql"})
    stream.seek(0)
    assert json.load(stream) == {"file": "a\udcff.sql"}


def test_a_stream_is_one_json_document_a_line() -> None:
    shown, stdout, _ = console(as_json=True)
    shown.record({"n": 1}, "one")
    shown.record({"n": 2}, "two")
    assert stdout.getvalue() == '{"n": 1}\n{"n": 2}\n'


def test_a_table() -> None:
    shown, stdout, _ = console()
    shown.result(None, table(["name", "rows", "ok"], [["a", 10, True], ["bb", None, False]]))
    assert [line.rstrip() for line in stdout.getvalue().splitlines()] == [
        "name   rows   ok",
        "───────────────────",
        "a        10   true",
        "bb            false",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("0E-10"), "0.0000000000"),
        (Decimal("1E+3"), "1000"),
        (True, "true"),
        (b"\x00\xff", "0x00ff"),
        (bytearray(b"a"), "0x61"),
        (1.5, "1.5"),
        ("a", "a"),
    ],
)
def test_values_are_in_no_notation_of_python(value: object, text: str) -> None:
    assert shown(value) == text


class Gone(io.StringIO):
    """A stream whose reader, or terminal, is no more."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, _text: str) -> int:
        raise OSError(self.number, os.strerror(self.number))  # EPIPE makes it a BrokenPipeError


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("options", [{}, {"quiet": True}, {"debug": True}])
def test_nobody_need_read_what_goes_on(number: int, options: dict[str, bool]) -> None:
    for begin in ("warn", "progress", "error", "activity"):
        shown = Console(stdout=io.StringIO(), stderr=Gone(number), **options)
        for what in (begin, "warn", "progress", "error", "activity"):
            if what == "error":
                shown.error(DataopsError("no", hint="see"))
            elif what == "activity":
                with shown.activity("Counting sheep"):
                    pass
            else:
                getattr(shown, what)("a line")


def test_results_that_nobody_reads_end_a_command_but_for_one_that_changes_something() -> None:
    looking = Console(stdout=Gone(errno.EPIPE), stderr=io.StringIO())
    with pytest.raises(BrokenPipeError):
        looking.result({}, "a line")
    for number in (errno.EPIPE, errno.EIO):
        changing = Console(stdout=Gone(number), stderr=io.StringIO())
        changing.go_on_unread()
        changing.result({}, "a line")
        changing.record({}, "a line")
        changing.text("a line")


def test_results_that_find_no_space_are_an_error_of_every_command() -> None:
    changing = Console(stdout=Gone(errno.ENOSPC), stderr=io.StringIO())
    changing.go_on_unread()
    with pytest.raises(OSError, match="No space left"):
        changing.result({}, "a line")


GOING_ON = """
import sys, time
from dataops_cli.console import Console
console = Console()
console.go_on_unread()
time.sleep(0.5)
for _ in range(3):
    console.progress("x" * 100)
    console.result(None, "x" * 100)
sys.exit(7)
"""


def test_the_exit_code_is_that_of_the_work_where_nobody_reads() -> None:
    buffered = {key: value for key, value in clean_environment().items() if key != "PYTHONUNBUFFERED"}
    for streams in ("2>&1 | true", "2>/dev/null | true", "2> >(true)"):
        script = f"{sys.executable} -c '{GOING_ON}' {streams}; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", script], env=buffered, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (7, ""), streams


DROPPED = """
import signal, time
from dataops_cli.console import Console
console = Console()
try:
    with console.activity("Counting sheep"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        print("ready", flush=True)
        time.sleep(2)
finally:
    console.warn("on the way back")
    with console.activity("Counting goats"):
        time.sleep(1)
    console.progress("back")
    open("FILE", "w").write("done")
"""


def test_a_terminal_that_goes_away_ends_no_work(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    code = DROPPED.replace("FILE", str(tmp_path / "file"))
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=clean_environment(TERM="xterm-256color"),
        start_new_session=True,
    )
    os.close(follower)
    while b"ready" not in os.read(leader, 4096):
        pass
    os.close(leader)
    assert process.wait(30) == 0
    assert (tmp_path / "file").read_text() == "done"
