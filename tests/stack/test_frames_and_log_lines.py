"""The engine's framing, and lines from it, however the bytes were cut."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.errors import UsageError
from dataops_cli.stack.frames import frames
from dataops_cli.stack.log_lines import LONGEST_LINE, Entry, Position, entries, moment_of, stamp

FRAMES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)))
CUTS = st.lists(st.integers(min_value=0, max_value=600))


def framed(content: list[tuple[int, bytes]]) -> bytes:
    return b"".join(struct.pack(">BxxxL", stream, len(data)) + data for stream, data in content)


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    return (data[a:b] for a, b in pairwise(places))


def at(second: int, nanosecond: int = 0) -> str:
    return f"2026-01-31T10:00:{second:02}.{nanosecond:09}Z"


@given(FRAMES, CUTS)
def test_frames_are_the_same_wherever_the_pieces_are_cut(
    content: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    assert list(frames(pieces(framed(content), cuts))) == content


def test_what_came_of_a_cut_off_frame_is_given() -> None:
    data = framed([(1, b"whole"), (2, b"cut off")])
    assert list(frames([data[:-4]])) == [(1, b"whole"), (2, b"cut")]
    assert list(frames([data[:15]])) == [(1, b"whole")]


@given(
    st.lists(
        st.tuples(st.sampled_from([1, 2]), st.text(st.characters(exclude_characters="\n\r"), max_size=30))
    ),
    CUTS,
)
def test_lines_are_the_same_wherever_the_pieces_are_cut(
    lines: list[tuple[int, str]], cuts: list[int]
) -> None:
    wanted = [Entry(at(number % 60), text) for number, (_, text) in enumerate(lines)]
    written = [f"{entry.stamp} {entry.text}\n".encode(errors="replace") for entry in wanted]
    content = [(stream, line) for (stream, _), line in zip(lines, written, strict=True)]
    wanted = [Entry(entry.stamp, entry.text.encode(errors="replace").decode()) for entry in wanted]
    assert list(entries(pieces(framed(content), cuts), terminal=False)) == wanted
    assert list(entries(pieces(b"".join(written), cuts), terminal=True)) == wanted


def test_a_line_in_several_frames_is_one_line_of_its_stream() -> None:
    content = [
        (1, f"{at(1)} begin, ".encode()),
        (2, f"{at(2)} in between\n".encode()),
        (1, f"{at(1)} end\n".encode()),
        (1, f"{at(3)} \xff without an end".encode("latin-1")),
    ]
    assert list(entries([framed(content)], terminal=False)) == [
        Entry(at(2), "in between"),
        Entry(at(1), "begin, end"),
        Entry(at(3), "\ufffd without an end"),
    ]


def test_a_line_of_a_terminal_loses_its_carriage_return_only() -> None:
    assert list(entries([f"{at(1)} a\rb\r\n".encode()], terminal=True)) == [Entry(at(1), "a\rb")]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_line_that_never_ends_comes_in_parts(terminal: bool) -> None:
    content = [f"{at(1)} ".encode() + b"x" * 1000, *[b"x" * 1000] * 1000]
    data = content if terminal else [framed([(1, part)]) for part in content]
    found = list(entries(data, terminal=terminal))
    assert sum(len(entry.text) for entry in found) == 1_001_000
    assert max(len(entry.text) for entry in found) < LONGEST_LINE + 2000


def test_a_log_that_is_read_again_goes_on_behind_what_was_read() -> None:
    log = [Entry(at(1), "a"), Entry(at(2), "b"), Entry(at(2), "c"), Entry(at(2), "d"), Entry(at(1), "late")]
    position = Position()
    assert list(position.unread(log[:3])) == log[:3]
    assert position.since == int(datetime(2026, 1, 31, 10, 0, 2, tzinfo=UTC).timestamp())
    assert list(position.unread(log[:4])) == log[3:4]
    assert list(position.unread([*log, Entry(at(3), "e")])) == [Entry(at(3), "e")]
    assert list(Position(at(2)).unread(log)) == log[1:4]


def test_since() -> None:
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert stamp(moment_of("1h30m", now)) == "2026-01-31T10:30:00.000000000Z"
    assert stamp(moment_of("2026-01-31T10:00:00.5+02:00", now)) == "2026-01-31T08:00:00.500000000Z"
    assert moment_of("2026-01-31 10:00", now) == datetime(2026, 1, 31, 10)
    for wrong in ("yesterday", "9999999999999h"):
        with pytest.raises(UsageError, match="neither a span of time nor a timestamp"):
            moment_of(wrong, now)
