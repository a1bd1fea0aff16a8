"""What is written for GitHub Actions, read again as its runner reads it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataops_cli.ci.actions import (
    SUMMARY_BYTES,
    Annotation,
    Level,
    add_summary,
    annotate,
    pushed_branch,
    workflow_command,
    write_output,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.fixture(autouse=True)
def actions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    return tmp_path


def test_a_command_has_what_is_known() -> None:
    known = Annotation(Level.ERROR, "100% wrong\nindeed", "a,b:c.sql", 3, 5, "sql: AL02")
    assert (
        workflow_command(known)
        == "::error title=sql%3A AL02,file=a%2Cb%3Ac.sql,line=3,col=5::100%25 wrong%0Aindeed"
    )
    assert workflow_command(Annotation(Level.NOTICE, "a: b, c")) == "::notice::a: b, c"


@given(message=TEXTS, file=TEXTS, title=TEXTS)
def test_no_text_gets_out_of_its_place(message: str, file: str, title: str) -> None:
    line = workflow_command(Annotation(Level.WARNING, message, file or None, 1, None, title or None))
    assert "\n" not in line
    assert "\r" not in line
    head, _, data = line.removeprefix("::").partition("::")
    assert unescaped(data) == message
    properties = dict(part.partition("=")[::2] for part in head.partition(" ")[2].split(","))
    expected = {"title": title, "file": file, "line": "1"}
    assert {key: unescaped(value) for key, value in properties.items()} == {
        key: value for key, value in expected.items() if value
    }


def unescaped(text: str) -> str:
    """As the runner does it, which takes %25 last."""
    for code, letter in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, letter)
    return text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(TEXTS, max_size=4))
def test_outputs_are_read_as_they_were_written(actions: Path, values: list[str]) -> None:
    (actions / "output").write_text("")
    for number, value in enumerate(values):
        write_output(f"name{number}", value)
    with (actions / "output").open(encoding="utf-8", newline="") as file:
        assert outputs(file.read()) == {f"name{number}": value for number, value in enumerate(values)}


def outputs(text: str) -> dict[str, str]:
    """Names and values by the runner's format: `name=value`, or a heredoc."""
    found: dict[str, str] = {}
    while text:
        line, _, text = text.partition("\n")
        if heredoc := re.fullmatch(r"(\w+)<<(dataops_[0-9a-f]{32})", line):
            found[heredoc[1]], _, text = text.partition(f"\n{heredoc[2]}\n")
        else:
            name, _, found_value = line.partition("=")
            found[name] = found_value
    return found


def test_a_summary_grows_to_what_github_takes(actions: Path) -> None:
    add_summary("# One")
    add_summary("two\n")
    summary = actions / "summary"
    assert summary.read_text() == "# One\n\ntwo\n\n"
    add_summary("| ü | row |\n" * 200_000)
    add_summary("never seen")
    assert SUMMARY_BYTES - 200 < summary.stat().st_size <= SUMMARY_BYTES
    assert summary.read_text().endswith(
        "| ü | row |\n\nThe rest is in the log: a summary is at most 1 MiB.\n"
    )


def test_the_pushed_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REF", "refs/heads/feature/x")
    assert pushed_branch() == "feature/x"
    monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    assert pushed_branch() is None


def test_elsewhere_nothing_is_written(
    actions: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    annotate(Annotation(Level.ERROR, "shown"))
    assert capsys.readouterr().err == "::error::shown\n"
    monkeypatch.delenv("GITHUB_ACTIONS")
    annotate(Annotation(Level.ERROR, "hidden"))
    write_output("a", "b")
    add_summary("c")
    assert capsys.readouterr() == ("", "")
    assert list(actions.iterdir()) == []
