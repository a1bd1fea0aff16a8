"""From the bytes of a container's log to lines with the engine's time. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dataops_cli import durations
from dataops_cli.errors import UsageError
from dataops_cli.stack.frames import STDOUT, frames

# A line without an end is cut at this many bytes, so that memory stays bounded.
LONGEST_LINE = 256 * 1024
# Fixed width and UTC, as the engine writes it: the order of the text is the order of time.
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) ")


@dataclass(frozen=True)
class Entry:
    """One line of a log and when the engine received it: `2026-01-31T10:00:00.123456789Z`."""

    stamp: str
    text: str


def entries(pieces: Iterable[bytes], *, terminal: bool) -> Iterator[Entry]:
    """The lines of a log that was asked for with timestamps.

    The log of a container with a terminal has no frames. Bytes that are no UTF-8 are replaced. The engine cuts
    lines of more than 16 KiB into frames that each have a stamp: they are put together again.
    """
    open_lines: dict[int, tuple[str, bytearray]] = {}
    for stream, content in _raw_lines(pieces) if terminal else frames(pieces):
        stamped = _STAMP.match(content)
        stamp, text = open_lines.pop(stream, ("", bytearray()))
        if stamped:
            stamp = stamp or stamped[1].decode()
        text += content[stamped.end() :] if stamped else content
        if text.endswith(b"\n") or len(text) >= LONGEST_LINE:
            yield _entry(stamp, text)
        else:
            open_lines[stream] = (stamp, text)
    for stamp, text in open_lines.values():
        yield _entry(stamp, text)


def _raw_lines(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    held = b""
    for piece in pieces:
        *whole, held = (held + piece).split(b"\n")
        for line in whole:
            yield STDOUT, line + b"\n"
        if len(held) >= LONGEST_LINE:
            yield STDOUT, held
            held = b""
    if held:
        yield STDOUT, held


def _entry(stamp: str, text: bytearray) -> Entry:
    return Entry(stamp, text.decode(errors="replace").removesuffix("\n").removesuffix("\r"))


@dataclass
class Position:
    """How far a log has been read: the newest stamp, and how many lines with it were read."""

    stamp: str = ""
    count: int = 0

    @property
    def since(self) -> int | None:
        """From which second on the engine is to send the log; None for all of it."""
        return int(datetime.fromisoformat(self.stamp).timestamp()) if self.stamp else None

    def unread(self, found: Iterable[Entry]) -> Iterator[Entry]:
        """The lines behind the position, which moves on with them."""
        begin, known = self.stamp, self.count
        for entry in found:
            if entry.stamp < begin:
                continue
            if entry.stamp == begin and known:
                known -= 1
                continue
            if entry.stamp > self.stamp:
                self.stamp, self.count = entry.stamp, 0
            self.count += entry.stamp == self.stamp
            yield entry


def stamp(moment: datetime) -> str:
    """A moment as the engine stamps lines."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"


def moment_of(text: str, now: datetime) -> datetime:
    """`10m` before `now`, or an ISO 8601 timestamp (without a zone: in local time). Raises UsageError."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return now - timedelta(seconds=durations.seconds(text))
    except (UsageError, OverflowError):
        raise UsageError(
            f"{text!r} is neither a span of time nor a timestamp",
            hint="Write it as 45s, 10m, 1h30m or 2026-01-31T10:00:00Z.",
        ) from None
