"""Values as they come from a client: read to PostgreSQL's text.

A T-SQL value inside this server is a pair: its T-SQL type as text, and PostgreSQL's text for it or None.
"""

from __future__ import annotations

import datetime
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Value:
    type: str
    text: bytes | None

    @property
    def string(self) -> str | None:
        return None if self.text is None else self.text.decode()


_1900 = datetime.date(1900, 1, 1).toordinal()
_H, _I, _Q = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<Q")

# --- parameters ---

Decoder = Callable[[bytes], bytes]


def _signed(raw: bytes) -> bytes:
    return b"%d" % int.from_bytes(raw, "little", signed=True)


def _unsigned(raw: bytes) -> bytes:
    return b"%d" % int.from_bytes(raw, "little")


def _integer(raw: bytes) -> bytes:
    return _unsigned(raw) if len(raw) == 1 else _signed(raw)


def _float(raw: bytes) -> bytes:
    return repr(struct.unpack("<f" if len(raw) == 4 else "<d", raw)[0]).encode()


def _scaled(number: int, scale: int) -> bytes:
    sign, digits = ("-" if number < 0 else ""), str(abs(number))
    if not scale:
        return (sign + digits).encode()
    digits = digits.rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}".encode()


def _decimal(scale: int) -> Decoder:
    def decode(raw: bytes) -> bytes:
        number = int.from_bytes(raw[1:], "little")
        return _scaled(number if raw[0] else -number, scale)

    return decode


def _money(raw: bytes) -> bytes:
    if len(raw) == 4:
        return _scaled(int.from_bytes(raw, "little", signed=True), 4)
    high, low = struct.unpack("<iI", raw)
    return _scaled((high << 32) + low, 4)


def _date(raw: bytes) -> bytes:
    return datetime.date.fromordinal(int.from_bytes(raw, "little") + 1).isoformat().encode()


def _clock(ticks: int, scale: int) -> str:
    microseconds = ticks * 10**6 // 10**scale
    seconds, fraction = divmod(microseconds, 10**6)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}"


def _time(scale: int) -> Decoder:
    return lambda raw: _clock(int.from_bytes(raw, "little"), scale).encode()


def _datetime2(scale: int) -> Decoder:
    return lambda raw: (
        _date(raw[-3:]).decode() + " " + _clock(int.from_bytes(raw[:-3], "little"), scale)
    ).encode()


def _datetimeoffset(scale: int) -> Decoder:
    def decode(raw: bytes) -> bytes:
        return _datetime2(scale)(raw[:-2]) + b"+00"

    return decode


def _old_datetime(raw: bytes) -> bytes:
    if len(raw) == 4:
        days, minutes = struct.unpack("<HH", raw)
        moment = datetime.datetime.fromordinal(_1900 + days) + datetime.timedelta(minutes=minutes)
    else:
        days, ticks = struct.unpack("<iI", raw)
        moment = datetime.datetime.fromordinal(_1900 + days) + datetime.timedelta(
            milliseconds=round(ticks * 10 / 3)
        )
    return moment.isoformat(" ").encode()


def _guid(raw: bytes) -> bytes:
    return str(uuid.UUID(bytes_le=raw)).encode()


def _unicode(raw: bytes) -> bytes:
    return raw.decode("utf-16-le", "surrogatepass").encode("utf-8", "replace")


def _ansi(raw: bytes) -> bytes:
    return raw.decode("cp1252", "replace").encode()


def _binary(raw: bytes) -> bytes:
    return b"\\x" + raw.hex().encode()


_FIXED: dict[int, tuple[int, str, Decoder]] = {
    0x30: (1, "tinyint", _unsigned),
    0x32: (1, "bit", _unsigned),
    0x34: (2, "smallint", _signed),
    0x38: (4, "int", _signed),
    0x7F: (8, "bigint", _signed),
    0x3B: (4, "real", _float),
    0x3E: (8, "float", _float),
    0x3C: (8, "money", _money),
    0x7A: (4, "smallmoney", _money),
    0x3D: (8, "datetime", _old_datetime),
    0x3A: (4, "smalldatetime", _old_datetime),
}
_INTEGERS = {1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"}


@dataclass(frozen=True, slots=True)
class WireType:
    """A TYPE_INFO that was read: how the value after it is framed, and what it means."""

    type: str
    frame: str
    decode: Decoder
    size: int = 0


def read_type(data: bytes, at: int) -> tuple[WireType, int]:
    kind = data[at]
    at += 1
    if kind in _FIXED:
        size, name, decode = _FIXED[kind]
        return WireType(name, "fixed", decode, size), at
    if kind == 0x1F:
        return WireType("int", "fixed", lambda raw: b"", 0), at
    if kind in (0x24, 0x26, 0x68, 0x6D, 0x6E, 0x6F):
        size = data[at]
        name, decode = {
            0x24: ("uniqueidentifier", _guid),
            0x26: (_INTEGERS.get(size, "int"), _integer),
            0x68: ("bit", _unsigned),
            0x6D: ("real" if size == 4 else "float", _float),
            0x6E: ("smallmoney" if size == 4 else "money", _money),
            0x6F: ("smalldatetime" if size == 4 else "datetime", _old_datetime),
        }[kind]
        return WireType(name, "byte", decode), at + 1
    if kind in (0x6A, 0x6C):
        precision, scale = data[at + 1], data[at + 2]
        return WireType(f"decimal({precision},{scale})", "byte", _decimal(scale)), at + 3
    if kind == 0x28:
        return WireType("date", "byte", _date), at
    if kind in (0x29, 0x2A, 0x2B):
        scale = data[at]
        name, maker = {
            0x29: ("time", _time),
            0x2A: ("datetime2", _datetime2),
            0x2B: ("datetimeoffset", _datetimeoffset),
        }[kind]
        return WireType(f"{name}({scale})", "byte", maker(scale)), at + 1
    if kind in (0xA7, 0xAF, 0xE7, 0xEF, 0xA5, 0xAD):
        (size,) = _H.unpack_from(data, at)
        at += 2 if kind in (0xA5, 0xAD) else 7
        name, width, decode = {
            0xA7: ("varchar", 1, _ansi),
            0xAF: ("char", 1, _ansi),
            0xE7: ("nvarchar", 2, _unicode),
            0xEF: ("nchar", 2, _unicode),
            0xA5: ("varbinary", 1, _binary),
            0xAD: ("binary", 1, _binary),
        }[kind]
        if size == 0xFFFF:
            return WireType(f"{name}(max)", "chunks", decode), at
        return WireType(f"{name}({max(size // width, 1)})", "short", decode), at
    if kind in (0x23, 0x63, 0x22):
        at += 4 if kind == 0x22 else 9
        name, decode = {
            0x23: ("varchar(max)", _ansi),
            0x63: ("nvarchar(max)", _unicode),
            0x22: ("varbinary(max)", _binary),
        }[kind]
        return WireType(name, "long", decode), at
    raise ValueError(f"no type 0x{kind:02x}")


def read_value(wire: WireType, data: bytes, at: int) -> tuple[bytes | None, int]:
    frame = wire.frame
    if frame == "byte":
        end = at + 1 + data[at]
        return (None if end == at + 1 else wire.decode(data[at + 1 : end])), end
    if frame == "short":
        (size,) = _H.unpack_from(data, at)
        if size == 0xFFFF:
            return None, at + 2
        return wire.decode(data[at + 2 : at + 2 + size]), at + 2 + size
    if frame == "fixed":
        if not wire.size:
            return None, at
        return wire.decode(data[at : at + wire.size]), at + wire.size
    if frame == "long":
        (size,) = _I.unpack_from(data, at)
        if size == 0xFFFFFFFF:
            return None, at + 4
        return wire.decode(data[at + 4 : at + 4 + size]), at + 4 + size
    (total,) = _Q.unpack_from(data, at)
    at += 8
    if total == 0xFFFFFFFFFFFFFFFF:
        return None, at
    chunks = []
    while True:
        (size,) = _I.unpack_from(data, at)
        at += 4
        if not size:
            return wire.decode(b"".join(chunks)), at
        chunks.append(data[at : at + size])
        at += size
