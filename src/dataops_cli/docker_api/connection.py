"""The two-way stream of bytes that an HTTP answer of the engine turns into, for `exec` and `attach`."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

PIECE = 65536
T = TypeVar("T")


class Connection:
    """Reads and writes may come from two threads. What goes wrong is an OSError."""

    def __init__(self, response: Any) -> None:
        """`response` is the `requests.Response` of a call that was answered with 101."""
        self._response = response
        # What came right behind the headers was read with them, and waits in this buffer.
        self._reader = response.raw._fp.fp
        over_ssh = hasattr(self._reader, "channel")
        self._socket = self._reader.channel if over_ssh else self._reader.raw._sock
        self._over_ssh = over_ssh
        self._over_tls = isinstance(self._socket, ssl.SSLSocket)
        self._tls = threading.Lock()
        self._socket.settimeout(0 if self._over_tls else None)

    def pieces(self) -> Iterator[bytes]:
        """What the other side writes, as it comes, until it has ended."""
        if self._over_ssh:
            yield from [early] if (early := bytes(self._reader._rbuffer)) else []
            yield from iter(lambda: self._socket.recv(PIECE), b"")
        elif self._over_tls:
            with contextlib.suppress(ssl.SSLWantReadError):
                if early := self._reader.peek(1):
                    yield early
            with contextlib.suppress(ssl.SSLZeroReturnError):  # the end, where both sides have said so
                yield from iter(lambda: self._in_turn(lambda: bytes(self._socket.recv(PIECE))), b"")
        else:
            yield from iter(lambda: self._reader.read1(PIECE), b"")

    def write(self, data: bytes) -> None:
        if not self._over_tls:
            self._socket.sendall(data)
            return
        view = memoryview(data)

        def send() -> int:
            return int(self._socket.send(view))

        while view:
            view = view[self._in_turn(send) :]

    def end_input(self) -> None:
        """Tell the other side that no more is written. Reading goes on."""
        if self._over_ssh:
            self._socket.shutdown_write()
        elif self._over_tls:
            # The TLS way to say so. Its answer comes with the end of the reading, and is not waited for.
            with self._tls, contextlib.suppress(ssl.SSLError):
                self._socket.unwrap()
        else:
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._response.close()

    def _in_turn(self, step: Callable[[], T]) -> T:
        """A TLS socket is for one thread at a time: a step that would wait lets the other thread have it."""
        while True:
            try:
                with self._tls:
                    return step()
            except ssl.SSLWantReadError:
                select.select([self._socket], [], [])
            except ssl.SSLWantWriteError:
                select.select([], [self._socket], [])
