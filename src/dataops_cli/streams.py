"""Streams whose reader may go away, or may take for a command what is text."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any, TextIO, cast

# A pipe's reader, or the terminal, is gone.
NOBODY_READS = frozenset({errno.EPIPE, errno.EIO})

# Of a line that GitHub's runner takes for a command: `::name::` after blanks at its beginning, or `##[name]` anywhere.
# Source: ActionCommand.cs of https://github.com/actions/runner
_BEGIN_OF_COMMAND = re.compile(r"(?<![^\r\n])((?:[^\S\r\n]|\ufeff)*):(?=:)")
OLD_COMMAND = "##["


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


def commands_are_read() -> bool:
    """Whether it is GitHub's runner that reads what is written."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def without_commands(stream: TextIO) -> TextIO:
    """The stream, with what a runner would take for a command broken by a space; a file stays as it is."""
    return cast("TextIO", stream if _is_file(stream) else _WithoutCommands(stream))


def with_commands(stream: TextIO) -> TextIO:
    """The stream that `without_commands` was made of, for commands of our own."""
    return stream.for_commands if isinstance(stream, _WithoutCommands) else stream


class _WithoutCommands:
    """Each piece that is written counts as the beginning of a line: threads may have written in between. A piece is
    whole lines, or text that does not end within the beginning of a command."""

    def __init__(self, stream: TextIO) -> None:
        self.for_commands = stream

    def write(self, text: str) -> int:
        self.for_commands.write(_BEGIN_OF_COMMAND.sub(r"\1: ", text).replace(OLD_COMMAND, "## ["))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.for_commands, name)


def _is_file(stream: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):  # it has no number
        return False
