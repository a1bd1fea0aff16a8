"""What GitHub Actions reads of a step: annotations, outputs, the job summary. Elsewhere nothing is written.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dataops_cli.errors import DataopsError
from dataops_cli.files import explained
from dataops_cli.health.markdown import cell, escaped
from dataops_cli.streams import commands_are_read, enduring, with_commands

# Of a step's summary; GitHub shows nothing at all of a longer one.
SUMMARY_BYTES = 1024 * 1024
CUT = "\n\nThe rest is in the log: a summary is at most 1 MiB.\n"


class Level(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True)
class Annotation:
    """A message that GitHub shows beside a line. `file` is a path from the repository's root."""

    level: Level
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    title: str | None = None


def pushed_branch() -> str | None:
    """The branch that a workflow runs for; a checkout there may be of its commit alone. None elsewhere."""
    ref = os.environ.get("GITHUB_REF", "") if commands_are_read() else ""
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None


def annotate(annotation: Annotation) -> None:
    """Tell GitHub of it. On stderr, which a runner reads too: stdout may carry the command's result."""
    if commands_are_read():
        stream = enduring(with_commands(sys.stderr))
        stream.write(workflow_command(annotation) + "\n")
        stream.flush()


def workflow_command(annotation: Annotation) -> str:
    """`::error file=a.sql,line=3::Text`, escaped as GitHub's own toolkit does."""
    properties: Mapping[str, str | int | None] = {
        "title": annotation.title,
        "file": annotation.file,
        "line": annotation.line,
        "col": annotation.column,
    }
    given = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    return f"::{annotation.level.value}{' ' if given else ''}{given}::{_data(annotation.message)}"


def tell_error(error: DataopsError, title: str) -> None:
    """An error as an annotation, and in the summary."""
    told = [error.reason, *error.details, f"Next: {error.hint}"]
    annotate(Annotation(Level.ERROR, "\n".join(told), title=title))
    with suppress(DataopsError):  # this error matters more
        add_summary("\n".join([f"### ❌ {escaped(title)}", "", *[f"{cell(line)}  " for line in told]]))


def write_output(name: str, value: str) -> None:
    """Set an output of the step."""
    if path := _file("GITHUB_OUTPUT"):
        _append(path, _heredoc(name, value) if {"\r", "\n"} & set(value) else f"{name}={value}\n")


def add_summary(markdown: str) -> None:
    """Add a paragraph to the summary of the job. What is beyond the 1 MiB that GitHub takes is cut off."""
    if path := _file("GITHUB_STEP_SUMMARY"):
        there = path.stat().st_size if path.exists() else 0
        added = (markdown.rstrip("\n") + "\n\n").encode()
        if there + len(added) > SUMMARY_BYTES:
            room = max(0, SUMMARY_BYTES - there - len(CUT))
            # A cut-off line may be half a row of a table.
            added = added[:room].rpartition(b"\n")[0] + (CUT.encode() if room else b"")
        _append(path, added.decode("utf-8", "ignore"))


def _file(variable: str) -> Path | None:
    path = os.environ.get(variable)
    return Path(path) if path and commands_are_read() else None


def _heredoc(name: str, value: str) -> str:
    """With a delimiter that whoever wrote the value cannot have known."""
    delimiter = f"dataops_{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def _append(path: Path, text: str) -> None:
    with explained(path), path.open("a", encoding="utf-8", newline="") as file:
        file.write(text)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
