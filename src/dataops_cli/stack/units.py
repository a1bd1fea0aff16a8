"""Durations as Go writes them (`1m30s`) and sizes (`512m`), as Compose files have them."""

from __future__ import annotations

import re
from decimal import Decimal

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp]?)(i?b)?", re.IGNORECASE)


def nanoseconds(text: str) -> int:
    """`1m30s` → 90,000,000,000. Raises ValueError for anything that is no duration."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        if text == "0":
            return 0
        raise ValueError(f"{text!r} is no duration such as 30s or 1m30s")
    return int(sum(Decimal(number) * _NANOSECONDS[unit] for number, unit in parts))


def duration(amount: int) -> str:
    """Nanoseconds as Go prints a duration: 90,000,000,000 → `1m30s`."""
    if amount == 0:
        return "0s"
    if amount < 10**9:
        unit = next(unit for unit in ("ms", "us", "ns") if amount >= _NANOSECONDS[unit])
        return f"{_number(Decimal(amount) / _NANOSECONDS[unit])}{'µs' if unit == 'us' else unit}"
    minutes, rest = divmod(amount, _NANOSECONDS["m"])
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_number(Decimal(rest) / 10**9)}s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def byte_size(value: str | int) -> int:
    """`512m`, `1.5gb` or a number → bytes; units are powers of 1024. Raises ValueError."""
    if isinstance(value, int):
        return value
    found = _SIZE.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"{value!r} is no size such as 512m or 2g")
    power = " kmgtp".index(found[2].lower() or " ")
    return int(Decimal(found[1]) * 1024**power)


def go_number(value: float) -> str:
    """A number as Go prints it: 1.10 → `1.1`, 1000000.0 → `1e+06`."""
    shortest = Decimal(repr(value)).normalize()
    if -5 < shortest.adjusted() < 6:
        return f"{shortest:f}"
    return f"{value:.{len(shortest.as_tuple().digits) - 1}e}"


def _number(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
