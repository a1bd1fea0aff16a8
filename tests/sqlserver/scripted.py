"""A SQL Server that answers as a test says: the driver, TLS and TDS are real, T-SQL is not understood."""

from __future__ import annotations

import datetime as dt
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tsql_server import tds, tokens
from tsql_server.tds import Disconnected, Transport

# Seconds that nothing is heard of a server that is deaf.
DEAF = 70


@dataclass(frozen=True)
class Reply:
    """Tokens of one answer. `endless` is sent again and again until the client cancels or goes away; `silent`
    answers nothing until it cancels; `deaf` not even then."""

    tokens: bytes = b""
    endless: bytes = b""
    silent: bool = False
    deaf: bool = False


@dataclass(frozen=True)
class Kind:
    """A column's TYPE_INFO, and how a value that is not NULL is written."""

    info: bytes
    encode: Callable[[Any], bytes]


def _ticks(value: dt.datetime) -> bytes:
    since = value - dt.datetime.combine(value.date(), dt.time(), value.tzinfo)
    return (since // dt.timedelta(microseconds=1) * 10).to_bytes(5, "little") + _days(value.date())


def _days(value: dt.date) -> bytes:
    return (value.toordinal() - 1).to_bytes(3, "little")


def _offset(value: dt.datetime) -> bytes:
    offset = value.utcoffset() or dt.timedelta()
    return b"\x0a" + _ticks(value.astimezone(dt.UTC)) + struct.pack("<h", offset // dt.timedelta(minutes=1))


def _text(value: str) -> bytes:
    return struct.pack("<H", 2 * len(value)) + value.encode("utf-16-le")


INT = Kind(b"\x26\x04", lambda value: struct.pack("<Bi", 4, value))
BIT = Kind(b"\x68\x01", lambda value: bytes([1, value]))
DECIMAL_18_6 = Kind(b"\x6a\x09\x12\x06", lambda value: struct.pack("<BBQ", 9, 1, int(value * 10**6)))
DATE = Kind(b"\x28", lambda value: b"\x03" + _days(value))
DATETIME2 = Kind(b"\x2a\x07", lambda value: b"\x08" + _ticks(value))
DATETIMEOFFSET = Kind(b"\x2b\x07", _offset)
UNIQUEIDENTIFIER = Kind(b"\x24\x10", lambda value: b"\x10" + value.bytes_le)
VARBINARY = Kind(b"\xa5" + struct.pack("<H", 100), lambda value: struct.pack("<H", len(value)) + value)
NVARCHAR = Kind(b"\xe7" + struct.pack("<H", 200) + tokens.COLLATION, _text)

Column = tuple[str, Kind]
Handler = Callable[[str], Reply]


def result(columns: Sequence[Column], rows: Sequence[Sequence[Any]], *, more: bool = False) -> bytes:
    written = b"".join(_row(columns, values) for values in rows)
    return _metadata(columns) + written + done(len(rows), command=tokens.SELECT, more=more)


def endless_result(columns: Sequence[Column], values: Sequence[Any]) -> Reply:
    return Reply(_metadata(columns), endless=_row(columns, values) * 100)


def _row(columns: Sequence[Column], values: Sequence[Any]) -> bytes:
    """None is for kinds whose length is one byte."""
    return b"\xd1" + b"".join(
        b"\0" if value is None else kind.encode(value)
        for (_, kind), value in zip(columns, values, strict=True)
    )


def _metadata(columns: Sequence[Column]) -> bytes:
    described = (struct.pack("<IH", 0, 9) + kind.info + tokens.short_text(name) for name, kind in columns)
    return struct.pack("<BH", 0x81, len(columns)) + b"".join(described)


def done(rows: int | None = None, *, command: int = 0, more: bool = False, error: bool = False) -> bytes:
    status = (tokens.COUNT if rows is not None else 0) | (tokens.MORE if more else 0)
    return tokens.done(tokens.DONE, status | (tokens.ERROR if error else 0), command, rows or 0)


def refusal(number: int, text: str, severity: int = 16) -> bytes:
    return tokens.error(number, text, severity) + done(error=True)


@dataclass
class ScriptedServer:
    """`handler` answers what has no answer of its own; transactions and SET are taken note of, no more."""

    handler: Handler
    refused: tuple[int, str] | None = None
    """A login is refused with this number and text."""
    batches: list[str] = field(default_factory=list)
    logins: list[tds.Login] = field(default_factory=list)
    cancelled: int = 0
    sent: int = 0
    """Packets of endless answers."""

    def __enter__(self) -> ScriptedServer:
        self._context = tds.server_context()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for it in (self._listener, *self._clients):
            with suppress(OSError):
                it.shutdown(socket.SHUT_RDWR)
            it.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._clients.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(Disconnected, OSError), client:
            transport = Transport(client)
            login = transport.open(self._context)
            self.logins.append(login)
            if self.refused:
                transport.send(refusal(*self.refused, severity=14))
                return
            transport.send(tokens.login_answer(login.database, transport.packet_size))
            while True:
                message = transport.receive()
                if message.type == tds.ATTENTION:
                    self._acknowledge(transport)
                elif message.type == tds.SQL_BATCH:
                    text = tds.without_headers(message.payload).decode("utf-16-le")
                    self.batches.append(text)
                    plain = text.startswith(("SET ", "IF @@TRANCOUNT"))
                    self._answer(transport, Reply(done()) if plain else self.handler(text))
                else:
                    transport.send(done())

    def _answer(self, transport: Transport, reply: Reply) -> None:
        if reply.deaf:
            threading.Event().wait(DEAF)
        elif reply.silent:
            while transport.receive().type != tds.ATTENTION:
                pass
            self._acknowledge(transport)
        elif reply.endless:
            transport.send(_whole(reply.tokens + reply.endless, transport.room), last=False)
            left = (reply.tokens + reply.endless)[len(_whole(reply.tokens + reply.endless, transport.room)) :]
            while not transport.attention():
                left += reply.endless
                packets = _whole(left, transport.room)
                transport.send(packets, last=False)
                left = left[len(packets) :]
                self.sent += 1
            self.cancelled += 1
            transport.send(left + tokens.done(tokens.DONE, tokens.ATTENTION))
        else:
            transport.send(reply.tokens)

    def _acknowledge(self, transport: Transport) -> None:
        self.cancelled += 1
        transport.send(tokens.done(tokens.DONE, tokens.ATTENTION))


def _whole(payload: bytes, room: int) -> bytes:
    """As much as fills whole packets."""
    return payload[: len(payload) // room * room]
