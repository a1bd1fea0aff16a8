"""The tokens of a server's answer."""

from __future__ import annotations

import struct

from tsql_server.tds import VERSION

SERVER = "tsql-stand-in"
COLLATION = bytes.fromhex("0904d00034")

DONE, DONE_PROCEDURE, DONE_IN_PROCEDURE = 0xFD, 0xFE, 0xFF
MORE, ERROR, COUNT, ATTENTION = 0x01, 0x02, 0x10, 0x20

SELECT, INSERT, DELETE, UPDATE = 0xC1, 0xC3, 0xC4, 0xC5

ENV_DATABASE, ENV_LANGUAGE, ENV_PACKET_SIZE, ENV_COLLATION = 1, 2, 4, 7
ENV_BEGIN, ENV_COMMIT, ENV_ROLLBACK = 8, 9, 10


def short_text(text: str) -> bytes:
    return bytes([len(text.encode("utf-16-le")) // 2]) + text.encode("utf-16-le")


def _token(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + struct.pack("<H", len(body)) + body


def env_change(kind: int, new: str | bytes, old: str | bytes = "") -> bytes:
    def written(value: str | bytes) -> bytes:
        return bytes([len(value)]) + value if isinstance(value, bytes) else short_text(value)

    return _token(0xE3, bytes([kind]) + written(new) + written(old))


def _message(
    kind: int, number: int, text: str, severity: int, state: int, line: int, procedure: str
) -> bytes:
    encoded = text[:2000].encode("utf-16-le")
    body = struct.pack("<IBB", number, state, severity) + struct.pack("<H", len(encoded) // 2) + encoded
    return _token(kind, body + short_text(SERVER) + short_text(procedure) + struct.pack("<I", line))


def error(
    number: int, text: str, severity: int = 16, state: int = 1, line: int = 1, procedure: str = ""
) -> bytes:
    return _message(0xAA, number, text, severity, state, line, procedure)


def info(number: int, text: str, severity: int = 0, state: int = 1, line: int = 1) -> bytes:
    return _message(0xAB, number, text, severity, state, line, "")


def done(kind: int, status: int = 0, command: int = 0, rows: int = 0) -> bytes:
    return struct.pack("<BHHQ", kind, status, command, rows)


def return_status(value: int) -> bytes:
    return struct.pack("<Bi", 0x79, value)


def return_value(ordinal: int, name: str, metadata: bytes, value: bytes) -> bytes:
    """`metadata` is TYPE_INFO, `value` what follows it."""
    return (
        struct.pack("<BH", 0xAC, ordinal)
        + short_text(name)
        + b"\x01"
        + struct.pack("<IH", 0, 1)
        + metadata
        + value
    )


def login_answer(database: str, packet_size: int) -> bytes:
    acknowledged = (
        b"\x01"
        + struct.pack(">I", 0x74000004)
        + short_text("Microsoft SQL Server\0\0")
        + struct.pack(">BBH", *VERSION)
    )
    return b"".join(
        [
            env_change(ENV_DATABASE, database, "master"),
            info(5701, f"Changed database context to '{database}'.", state=2),
            env_change(ENV_COLLATION, COLLATION),
            env_change(ENV_LANGUAGE, "us_english"),
            info(5703, "Changed language setting to us_english."),
            _token(0xAD, acknowledged),
            env_change(ENV_PACKET_SIZE, str(packet_size), str(packet_size)),
            done(DONE),
        ]
    )
