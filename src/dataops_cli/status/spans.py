"""Times and spans as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60, 3600, 86400


def moment(time: datetime | str | None, now: datetime) -> str:
    """`2026-11-29 01:04 UTC, 6 h ago`, or `in 2 h`. Text is in ISO form. Empty for None."""
    if not time:
        return ""
    at = datetime.fromisoformat(time) if isinstance(time, str) else time
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {ago(at, now)}"


def ago(time: datetime | None, now: datetime) -> str:
    """`6 h ago`, or `in 2 h`. Empty for None."""
    if time is None:
        return ""
    seconds = (now - time).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def span(seconds: float | None) -> str:
    """`9.4 s`, `12 min`, `6 h`, `3 days`. Empty for None."""
    if seconds is None:
        return ""
    if seconds < 2 * MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.0f} h" if seconds < 2 * DAY else f"{seconds / DAY:.0f} days"
