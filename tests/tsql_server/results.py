"""Values as they go to a client: written from PostgreSQL's binary form."""

from __future__ import annotations

import datetime
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from tsql_server.tokens import COLLATION

_H, _I, _Q = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<Q")
_1900 = datetime.date(1900, 1, 1).toordinal()

Encoder = Callable[[bytes | None], bytes]
_2000 = datetime.date(2000, 1, 1).toordinal() - 1


def _reversed(size: int) -> Encoder:
    prefix = bytes([size])
    return lambda raw: b"\0" if raw is None else prefix + raw[::-1]


def _as_integer(size: int) -> Encoder:
    """An integer of any width, sent in this one."""

    def encode(raw: bytes | None) -> bytes:
        if raw is None:
            return b"\0"
        number = int.from_bytes(raw, "big", signed=True)
        return bytes([size]) + number.to_bytes(size, "little", signed=size > 1)

    return encode


def numeric(raw: bytes) -> tuple[int, int]:
    """PostgreSQL's binary numeric as (number, decimals)."""
    count, weight, sign, scale = struct.unpack_from(">hhHH", raw)
    if sign & 0xC000 == 0xC000:
        raise ValueError("NaN and infinity are no decimals")
    number = 0
    for digit in struct.unpack_from(f">{count}H", raw, 8):
        number = number * 10000 + digit
    shift = scale - 4 * (count - weight - 1)
    number = number * 10**shift if shift >= 0 else number // 10**-shift
    return (-number if sign else number), scale


def encode_decimal(scale: int) -> Encoder:
    def encode(raw: bytes | None) -> bytes:
        if raw is None:
            return b"\0"
        number, own = numeric(raw)
        if own < scale:
            number *= 10 ** (scale - own)
        return b"\x11" + (b"\0" if number < 0 else b"\1") + abs(number).to_bytes(16, "little")

    return encode


def _encode_money(raw: bytes | None) -> bytes:
    if raw is None:
        return b"\0"
    number, scale = numeric(raw)
    number *= 10 ** (4 - scale)
    return b"\x08" + struct.pack("<iI", number >> 32, number & 0xFFFFFFFF)


def _encode_date(raw: bytes | None) -> bytes:
    if raw is None:
        return b"\0"
    return b"\3" + (int.from_bytes(raw, "big", signed=True) + _2000).to_bytes(3, "little")


def _encode_datetime2(raw: bytes | None) -> bytes:
    if raw is None:
        return b"\0"
    days, microseconds = divmod(int.from_bytes(raw, "big", signed=True), 86_400_000_000)
    return b"\x08" + (microseconds * 10).to_bytes(5, "little") + (days + _2000).to_bytes(3, "little")


def _encode_datetimeoffset(raw: bytes | None) -> bytes:
    return b"\0" if raw is None else b"\x0a" + _encode_datetime2(raw)[1:] + b"\0\0"


def _encode_datetime(raw: bytes | None) -> bytes:
    if raw is None:
        return b"\0"
    days, microseconds = divmod(int.from_bytes(raw, "big", signed=True), 86_400_000_000)
    ticks = (microseconds * 3 + 5000) // 10_000
    return b"\x08" + struct.pack("<iI", days + _2000 + 1 - _1900, ticks)


def _encode_time(raw: bytes | None) -> bytes:
    return b"\0" if raw is None else b"\5" + (int.from_bytes(raw, "big") * 10).to_bytes(5, "little")


def _encode_guid(raw: bytes | None) -> bytes:
    return b"\0" if raw is None else b"\x10" + uuid.UUID(bytes=raw).bytes_le


def _encode_text(raw: bytes | None) -> bytes:
    if raw is None:
        return b"\xff\xff"
    text = raw.decode().encode("utf-16-le")
    return _H.pack(len(text)) + text


def _encode_long_text(raw: bytes | None) -> bytes:
    return _chunks(None if raw is None else raw.decode().encode("utf-16-le"))


def _chunks(raw: bytes | None) -> bytes:
    if raw is None:
        return b"\xff" * 8
    return _Q.pack(len(raw)) + (_I.pack(len(raw)) + raw if raw else b"") + _I.pack(0)


@dataclass(frozen=True)
class ResultType:
    info: bytes
    encode: Encoder


def _text_type(characters: int | None, *, fixed: bool = False) -> ResultType:
    if characters is None or characters > 4000:
        return ResultType(b"\xe7\xff\xff" + COLLATION, _encode_long_text)
    return ResultType(
        (b"\xef" if fixed else b"\xe7") + _H.pack(2 * max(characters, 1)) + COLLATION, _encode_text
    )


def result_type(name: str, modifier: int, values: Callable[[], list[bytes | None]]) -> ResultType:
    """How a column goes out. `name` is PostgreSQL's type or our own, `values` the rows where the type leaves it open."""
    match name:
        case "int4" | "oid" | "xid":
            return ResultType(b"\x26\x04", _reversed(4))
        case "int8":
            return ResultType(b"\x26\x08", _reversed(8))
        case "int2":
            return ResultType(b"\x26\x02", _reversed(2))
        case "tinyint":
            return ResultType(b"\x26\x01", _as_integer(1))
        case "bit":
            return ResultType(b"\x68\x01", _as_integer(1))
        case "bool":
            return ResultType(b"\x68\x01", _reversed(1))
        case "float8":
            return ResultType(b"\x6d\x08", _reversed(8))
        case "float4":
            return ResultType(b"\x6d\x04", _reversed(4))
        case "money" | "smallmoney":
            return ResultType(b"\x6e\x08", _encode_money)
        case "numeric":
            if modifier >= 4:
                precision, scale = (modifier - 4) >> 16 & 0xFFFF, (modifier - 4) & 0x7FF
            else:
                # An expression's: as many decimals as its rows have.
                precision = 38
                scale = min(
                    max((int.from_bytes(v[6:8], "big") for v in values() if v is not None), default=6), 37
                )
                if scale > 20:  # a quotient: SQL Server keeps few decimals of it, PostgreSQL many
                    scale = 20
                return ResultType(b"\x6a\x11" + bytes([precision, scale]), _cut_decimal(scale))
            return ResultType(b"\x6a\x11" + bytes([min(precision, 38), scale]), encode_decimal(scale))
        case "date":
            return ResultType(b"\x28", _encode_date)
        case "datetime" | "smalldatetime":
            return ResultType(b"\x6f\x08", _encode_datetime)
        case "timestamp":
            return ResultType(b"\x2a\x07", _encode_datetime2)
        case "timestamptz":
            return ResultType(b"\x2b\x07", _encode_datetimeoffset)
        case "time":
            return ResultType(b"\x29\x07", _encode_time)
        case "uuid":
            return ResultType(b"\x24\x10", _encode_guid)
        case "bytea":
            return ResultType(b"\xa5\xff\xff", _chunks)
        case "bpchar":
            return _text_type(modifier - 4 if modifier > 4 else 1, fixed=True)
        case "varchar" | "text" | "unknown" | "name":
            if modifier > 4:
                return _text_type(modifier - 4)
            longest = max((len(value) for value in values() if value is not None), default=0)
            return _text_type(4000 if longest <= 4000 else None)
    raise ValueError(f"no T-SQL type for PostgreSQL's {name}")


def _cut_decimal(scale: int) -> Encoder:
    plain = encode_decimal(scale)

    def encode(raw: bytes | None) -> bytes:
        if raw is None:
            return b"\0"
        number, own = numeric(raw)
        if own <= scale:
            return plain(raw)
        number = int(number / 10 ** (own - scale)) if abs(number) < 2**52 else number // 10 ** (own - scale)
        return b"\x11" + (b"\0" if number < 0 else b"\1") + abs(number).to_bytes(16, "little")

    return encode
