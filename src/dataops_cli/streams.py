"""Streams whose reader may go away."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Collection
from contextlib import suppress
from typing import Any, TextIO, cast

# A pipe's reader, or the terminal, is gone.
NOBODY_READS = frozenset({errno.EPIPE, errno.EIO})


def enduring(stream: TextIO, numbers: Collection[int] | None = None) -> TextIO:
    """The stream, without its errors, or those with these numbers: what is written after one is left out."""
    return cast("TextIO", _Enduring(stream, numbers))


class _Enduring:
    def __init__(self, stream: TextIO, numbers: Collection[int] | None) -> None:
        self._stream = stream
        self._numbers = numbers

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        if self._numbers is not None and error.errno not in self._numbers:
            raise error
        with suppress(OSError, ValueError):  # it is no file
            silence(self._stream)
        self._stream = io.StringIO()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def silence(stream: TextIO) -> None:
    """Let what is written to a stream go nowhere. Python writes what is left in it at exit, and would complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)
