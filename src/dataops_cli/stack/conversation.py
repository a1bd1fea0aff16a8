"""Our stdin, stdout and stderr, joined to those of a command in a container."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress

from dataops_cli.docker_api.connection import PIECE, Connection
from dataops_cli.stack.frames import STDERR as STDERR_FRAMES
from dataops_cli.stack.frames import frames
from dataops_cli.stack.terminal import STDERR, STDIN, STDOUT, is_terminal, raw, same_size


def interactive() -> bool:
    """Whether a command gets a terminal: where both stdin and stdout are one."""
    return is_terminal(STDIN) and is_terminal(STDOUT)


def reads_stdin() -> bool:
    """Whether a command gets our stdin: a terminal only when it is interactive."""
    return interactive() or not is_terminal(STDIN)


def converse(connection: Connection, resize: Callable[[int, int], None]) -> None:
    """Pass everything on until the command has closed its output.

    Raises BrokenPipeError when nobody reads our output any more.
    """
    with ExitStack() as stack:
        stack.callback(connection.close)
        terminal = interactive()
        if terminal:
            stack.enter_context(raw(STDIN))
            stack.enter_context(same_size(resize))
        if reads_stdin():
            # A read that waits cannot be called off: the thread ends with the process.
            threading.Thread(target=_send, args=(connection,), daemon=True, name="stdin").start()
        if terminal:
            for piece in connection.pieces():
                _write(STDOUT, piece)
        else:
            for stream, piece in frames(connection.pieces()):
                _write(STDERR if stream == STDERR_FRAMES else STDOUT, piece)


def _send(connection: Connection) -> None:
    with suppress(OSError):  # the command has ended before its input did
        while piece := _read(STDIN):
            connection.write(piece)
        connection.end_input()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, PIECE)
    except OSError:
        return b""  # closed, or the terminal is gone


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except BrokenPipeError:
        raise BrokenPipeError from None  # as Console.text does
