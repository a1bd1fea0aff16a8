"""Bulk load: INSERT BULK, then rows in the form of a result set."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from tsql_server.errors import TsqlError
from tsql_server.lexer import dotted_name, tokens
from tsql_server.session import Session, quoted
from tsql_server.translate import Relation
from tsql_server.values import WireType, read_type, read_value

COLUMNS, ROW, ROW_WITH_NULLS, DONE = 0x81, 0xD1, 0xD2, 0xFD
_ESCAPED = {ord("\\"): "\\\\", ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"}


@dataclass
class Load:
    session: Session
    table: Relation

    def run(self, payload: bytes) -> int:
        """Put the rows into the table; returns how many."""
        columns, at = _columns(payload)
        names = [
            next((one for one in self.table.columns if one.lower() == name.lower()), name)
            for name, _wire in columns
        ]
        lines = []
        while at < len(payload) and payload[at] in (ROW, ROW_WITH_NULLS):
            absent = b""
            at += 1
            if payload[at - 1] == ROW_WITH_NULLS:
                size = (len(columns) + 7) // 8
                absent, at = payload[at : at + size], at + size
            cells = []
            for number, (_name, wire) in enumerate(columns):
                if absent and absent[number // 8] >> number % 8 & 1:
                    cells.append("\\N")
                    continue
                text, at = read_value(wire, payload, at)
                cells.append("\\N" if text is None else text.decode().translate(_ESCAPED))
            lines.append("\t".join(cells))
        listed = ", ".join(map(quoted, names))
        target = f"{quoted(self.table.namespace)}.{quoted(self.table.name)}"
        self.session.backend.copy(
            f"COPY {target} ({listed}) FROM STDIN", ("\n".join(lines) + "\n" if lines else "").encode()
        )
        return len(lines)


def begun(session: Session, text: str) -> Load | None:
    """What INSERT BULK begins; None for any other batch."""
    if not re.match(r"\s*INSERT\s+BULK\b", text, re.IGNORECASE):
        return None
    name, _end = dotted_name(tokens(text), 2)
    table = session.find(name)
    if table is None:
        raise TsqlError(208, f"Invalid object name '{'.'.join(name)}'.")
    return Load(session, table)


def _columns(payload: bytes) -> tuple[list[tuple[str, WireType]], int]:
    if not payload or payload[0] != COLUMNS:
        raise TsqlError(
            4002,
            "The incoming tabular data stream (TDS) protocol stream is incorrect. The stream ended unexpectedly.",
        )
    (count,) = struct.unpack_from("<H", payload, 1)
    at, columns = 3, []
    for _ in range(count):
        at += 6  # user type, flags
        kind = payload[at]
        wire, at = read_type(payload, at)
        if kind in (0x23, 0x63, 0x22):  # text types name their table
            (size,) = struct.unpack_from("<H", payload, at)
            at += 2 + 2 * size
        size = payload[at]
        columns.append((payload[at + 1 : at + 1 + 2 * size].decode("utf-16-le"), wire))
        at += 1 + 2 * size
    return columns, at
