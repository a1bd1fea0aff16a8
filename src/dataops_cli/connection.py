"""The two-way stream of bytes that an HTTP answer of the engine turns into, for `exec` and `attach`."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

PIECE = 65536


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
        self._socket.settimeout(None)

    def pieces(self) -> Iterator[bytes]:
        """What the other side writes, as it comes, until it has ended."""
        if self._over_ssh:
            if early := bytes(self._reader._rbuffer):
                yield early
            while piece := self._socket.recv(PIECE):
                yield piece
            return
        while piece := self._reader.read1(PIECE):
            yield piece

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def end_input(self) -> None:
        """Tell the other side that no more is written. Reading goes on."""
        if self._over_ssh:
            self._socket.shutdown_write()
        elif isinstance(self._socket, ssl.SSLSocket):
            # The TLS way to say so. Its answer, which it would wait for, comes with the end of the reading.
            self._socket.settimeout(0)
            with contextlib.suppress(ssl.SSLError):
                self._socket.unwrap()
            self._socket.settimeout(None)
        else:
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._response.close()
