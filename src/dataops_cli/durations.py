"""Spans of time as people write them: `45s`, `10m`, `1h30m`."""

from __future__ import annotations

import re
from typing import overload

from dataops_cli.errors import UsageError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_FORM = re.compile(r"(?:\d+(?:\.\d+)?[smh])+")


def seconds(text: str) -> float:
    """The seconds of a span; a bare number is seconds. Raises UsageError for anything else."""
    text = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not _FORM.fullmatch(text):
        raise UsageError(f"{text!r} is no span of time", hint="Write it as 45s, 10m or 1h30m.")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([smh])", text))


@overload
def timeout_seconds(timeout: str) -> float: ...
@overload
def timeout_seconds(timeout: str | None) -> float | None: ...
def timeout_seconds(timeout: str | None) -> float | None:
    """The seconds of what was given as --timeout, if anything. Raises UsageError for no span of time, or an empty one."""
    if timeout is None:
        return None
    if not (found := seconds(timeout)):
        raise UsageError(f"--timeout is {timeout}", hint="Write how long, such as 45s or 10m.")
    return found
