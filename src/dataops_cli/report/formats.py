"""Numbers and dates as the report writes them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

from markupsafe import Markup

SIZES = ((1_000_000_000, "bn", 2), (1_000_000, "M", 2), (1_000, "k", 1))
# Within a name such as `gld_sales_summary`, and anywhere beyond the 16th letter of a word.
BREAKS = re.compile(r"(?<=[_.])(?=\w)|(?<=\S{16})(?=\S)")
NONE, MINUS = "\u2013", "\u2212"
# The thin space keeps a number and its unit together.
UNIT = "\u202f"


def amount(value: Decimal | int | None) -> str:
    """`1,234,567`."""
    return NONE if value is None else f"{value:,.0f}".replace("-", MINUS)


def compact(value: Decimal | int | None) -> str:
    """`20.06 M`, `48.4 k`, `950`."""
    if value is None:
        return NONE
    magnitude = abs(Decimal(value))
    for size, unit, places in SIZES:
        if magnitude >= size:
            return f"{Decimal(value) / size:,.{places}f}{UNIT}{unit}".replace("-", MINUS)
    return amount(value)


def percent(value: Decimal | None, places: int = 1) -> str:
    """`12.5 %`."""
    return NONE if value is None else f"{value:,.{places}f}{UNIT}%".replace("-", MINUS)


def change(value: Decimal | None) -> str:
    """`+3.4 %`, or with a minus."""
    return NONE if value is None else f"{'+' if value > 0 else ''}{percent(value)}"


def seconds(value: float | None) -> str:
    """`30 ms`, `0.2 s`, `11 s`, `2 min 5 s`."""
    if value is None:
        return NONE
    if value < 0.1:
        return f"{value * 1000:.0f}{UNIT}ms"
    if value < 10:
        return f"{value:.1f}{UNIT}s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}{UNIT}min {rest}{UNIT}s" if minutes else f"{rest}{UNIT}s"


def day(value: date | None) -> str:
    """`30 June 2014`."""
    return NONE if value is None else f"{value.day} {value:%B %Y}"


def short_day(value: date) -> str:
    """`30 Jun 2014`."""
    return f"{value.day} {value:%b %Y}"


def moment(text: str | None) -> str:
    """`29 Nov 2026, 07:29 UTC` of an ISO time."""
    if not text:
        return NONE
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{short_day(at)}, {at:%H:%M} UTC"


def breakable(text: str) -> Markup:
    """Text whose long words, such as the names of models, may go on in the next line."""
    return Markup("<wbr>").join(BREAKS.split(text))


def words(code: str) -> str:
    """`at_risk` as `At risk`."""
    return code.replace("_", " ").capitalize()
