"""Under GitHub Actions nothing that is shown is a command to its runner: only annotations of our own are."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ci.small_platform_in_git import make_platform
from dataops_cli.ci.actions import Annotation, Level, annotate
from dataops_cli.console import Console, table, visible
from dataops_cli.health.markdown import escaped
from dataops_cli.streams import with_commands, without_commands
from support import Dataops

PIECES = [
    "::",
    ":",
    "error",
    "add-mask",
    " ",
    "\t",
    "\u00a0",
    "\ufeff",
    "\n",
    "\r",
    "\u2028",
    "##[",
    "#",
    "[",
    "]",
    "x",
]


def is_command(line: str) -> bool:
    """As ActionCommand.cs of https://github.com/actions/runner takes it, for a command of any name."""
    return line.lstrip("\ufeff").lstrip().lstrip("\ufeff").startswith("::") or "##[" in line


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("::error::forged")
@example("fine\r\n \u00a0::stop-commands::x")
@example("rows ###[add-mask]main")
@example(":::error::x")
def test_no_line_is_a_command(text: str) -> None:
    under = io.StringIO(newline="")
    stream = without_commands(under)
    assert stream.write(f"{text}\n") == len(text) + 1
    stream.writelines([text])
    written = under.getvalue()
    assert not any(map(is_command, re.split(r"[\r\n]", written)))
    assert re.sub(r"\s", "", written) == re.sub(r"\s", "", text * 2)  # spaces are all that is put in


def test_other_text_stays_as_it_is() -> None:
    under = io.StringIO()
    without_commands(under).write("select a::int, '::error::'\n# [x]\n")
    assert under.getvalue() == "select a::int, '::error::'\n# [x]\n"


def test_a_file_is_read_by_no_runner(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert without_commands(file) is file


def test_annotations_are_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    under = io.StringIO()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr(sys, "stderr", without_commands(under))
    sys.stderr.write("  ::error::forged\n")
    annotate(Annotation(Level.ERROR, "real"))
    assert under.getvalue() == "  : :error::forged\n::error::real\n"
    assert with_commands(under) is under


def test_json_is_the_same_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    under = io.StringIO()
    document = {"row": "##[add-mask]main ###[\n::error::x"}
    Console(as_json=True, stdout=without_commands(under), stderr=io.StringIO()).result(document)
    assert "##[" not in under.getvalue()
    assert json.loads(under.getvalue()) == document


def test_the_rows_of_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    under = io.StringIO()
    Console(stdout=without_commands(under)).result(
        None, table(["a"], [["::error::forged"], ["x\n::error::y"]])
    )
    assert not any(map(is_command, under.getvalue().splitlines()))


def test_what_a_command_shows(dataops_here: Dataops, tmp_path: Path) -> None:
    arguments = ("env", "show", "x\n::error::forged")
    platform = make_platform(tmp_path / "platform")
    assert "\n::error::forged" in dataops_here(*arguments, cwd=platform, GITHUB_ACTIONS="").stderr
    shown = dataops_here(*arguments, cwd=platform, GITHUB_ACTIONS="true").stderr
    assert "\n: :error::forged" in shown
    assert not any(map(is_command, shown.splitlines()))


@given(st.text())
def test_a_name_is_one_line_that_can_be_printed(name: str) -> None:
    assert visible(name).isprintable()


def test_names_show_what_they_hide() -> None:
    assert visible("a\n::error::b\x1b[2J\udcff ü.sql") == "a\\n::error::b\\x1b[2J\\udcff ü.sql"
    assert escaped("a\n# b") == r"a\\n\# b"
