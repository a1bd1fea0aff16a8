"""A task's log: Airflow's structured lines as text, tracebacks included."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dataops_cli.airflow.model import moment

# Airflow's own part of a traceback, between its worker and the function of a DAG.
OWN_FRAMES = ("/airflow/sdk/", "/airflow/providers/standard/")
# What Airflow writes around the task itself.
FRAMING = ("Pre Execute", "Post Execute")
# The loggers of what a task prints. Such a line bears the time at which Airflow read it, so that one of the task's own
# may stand among what Airflow wrote after it.
PRINTED = ("task.stdout", "task.stderr")
# What would steer a terminal (ECMA-48): sequences such as colours, and control characters but tabs and ends of lines.
_STEERING = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])?|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


@dataclass(frozen=True)
class LogLine:
    """One entry. `trace` is the traceback that goes with it; `framing` marks what Airflow says about itself."""

    time: datetime | None
    level: str
    text: str
    trace: tuple[str, ...] = ()
    framing: bool = False

    @property
    def lines(self) -> list[str]:
        return [*self.text.splitlines(), *self.trace]


def lines_of(content: Sequence[Any]) -> list[LogLine]:
    """The entries of a log as Airflow answers it, without its marks of groups.

    Where it was found comes first, without a time; it is kept only where nothing else is there, as it then says why.
    """
    lines: list[LogLine] = []
    group = ""
    for entry in content:
        item = entry if isinstance(entry, Mapping) else {"event": entry}
        event = _without_steering(str(item.get("event", "")))
        if event.startswith("::group::"):
            group = event.removeprefix("::group::")
        elif event.startswith("::endgroup::"):
            group = ""
        else:
            lines.append(
                LogLine(
                    moment(item.get("timestamp")),
                    str(item.get("level") or ""),
                    event,
                    tuple(map(_without_steering, _trace(item.get("error_detail") or ()))),
                    group in FRAMING and item.get("logger") not in PRINTED,
                )
            )
    timed = [line for line in lines if line.time]
    return timed or lines


def tail(lines: Sequence[LogLine], count: int) -> list[str]:
    """The last lines of what the task itself wrote, with a traceback at the end in full."""
    own = [line for line in lines if not line.framing] or list(lines)
    shown: list[str] = []
    for line in reversed(own):
        if shown and len(shown) + len(line.lines) > count:
            break
        shown = [*line.lines, *shown]
    return shown


def _without_steering(text: str) -> str:
    return _STEERING.sub("", text)


def _trace(errors: Sequence[Mapping[str, Any]]) -> list[str]:
    """Exceptions as Python writes them: a cause before what it led to, which is how Airflow does not list them."""
    lines: list[str] = []
    for number, error in enumerate(reversed(errors)):
        if number:
            before = list(reversed(errors))[number - 1]
            lines += [
                "",
                "The above exception was the direct cause of the following exception:"
                if before.get("is_cause")
                else "During handling of the above exception, another exception occurred:",
                "",
            ]
        lines.append("Traceback (most recent call last):")
        lines += _frames(error.get("frames") or ())
        text = str(error.get("exc_value") or "")
        lines += f"{error.get('exc_type')}{f': {text}' if text else ''}".splitlines()
        lines += [str(note) for note in error.get("exc_notes") or ()]
    return lines


def _frames(frames: Sequence[Mapping[str, Any]]) -> list[str]:
    theirs = [frame for frame in frames if not any(part in str(frame.get("filename")) for part in OWN_FRAMES)]
    shown = theirs or frames
    left_out = len(frames) - len(shown)
    lines = [f"  … {left_out} frames of Airflow's own"] if left_out else []
    return lines + [
        f'  File "{frame.get("filename")}", line {frame.get("lineno")}, in {frame.get("name")}'
        for frame in shown
    ]
