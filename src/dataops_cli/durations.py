"""Spans of time as people write them: `45s`, `10m`, `1h30m`."""

from __future__ import annotations

import re

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
