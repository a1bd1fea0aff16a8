"""Progress: live on a terminal, plain lines in a pipe, never a long silence."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

import dataops_cli.console as console_module
from dataops_cli.console import Console, shown, table
from support import clean_environment

BUSY = """
import time
from dataops_cli.console import Console
with Console().activity("Counting sheep") as rename:
    time.sleep(1.7)
    rename("Counting goats")
    time.sleep(1.2)
"""


def on_a_terminal(code: str) -> str:
    """What a program writes to a terminal of its own."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=clean_environment(TERM="xterm-256color"),
    )
    os.close(follower)
    written = b""
    while True:
        try:
            piece = os.read(leader, 4096)
        except OSError:
            break
        if not piece:
            break
        written += piece
    process.wait()
    os.close(leader)
    return written.decode()


def test_a_terminal_shows_what_goes_on_and_for_how_long() -> None:
    shown = on_a_terminal(BUSY)
    assert "Counting sheep" in shown
    assert "1 s" in shown
    assert "Counting goats" in shown
    assert "2 s" in shown


def console(**options: bool) -> tuple[Console, io.StringIO, io.StringIO]:
    stdout, stderr = io.StringIO(), io.StringIO()
    return Console(stdout=stdout, stderr=stderr, **options), stdout, stderr


def test_a_pipe_gets_a_line_when_it_has_been_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_module, "SILENCE_SECONDS", 0.6)
    shown, stdout, stderr = console()
    with shown.activity("Counting sheep"):
        time.sleep(2.2)
    lines = stderr.getvalue().splitlines()
    assert 1 <= len(lines) <= 3
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
