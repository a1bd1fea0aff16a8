"""The answer to one request as a stream of tokens: each DONE waits until it is known whether more follows."""

from __future__ import annotations

import logging
import struct

from psycopg import pq

from tsql_server import tokens
from tsql_server.errors import TsqlError
from tsql_server.results import Encoder, result_type
from tsql_server.tds import Transport
from tsql_server.tokens import short_text

log = logging.getLogger(__name__)


class Output:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._data = bytearray()
        self._pending: tuple[int, int, int] | None = None
        self.in_procedure = False
        self._failed = False

    # --- tokens ---

    def add(self, data: bytes) -> None:
        self._settle(more=True)
        self._data += data
        room = self._transport.room
        if len(self._data) > 16 * room:
            whole = len(self._data) // room * room
            self._transport.send(bytes(self._data[:whole]), last=False)
            del self._data[:whole]

    def done(self, command: int = 0, rows: int | None = None) -> None:
        """The end of a statement; `rows` are those it gave or changed."""
        self._settle(more=True)
        status = tokens.COUNT if rows is not None else 0
        self._pending = (status, command, rows or 0)

    def error(self, error: TsqlError) -> None:
        log.debug("error %s: %s", error.number, error.text)
        self.add(tokens.error(error.number, error.text, error.severity, error.state, error.line))
        self._settle(more=True)
        self._pending = (tokens.ERROR, 0, 0)

    def info(self, number: int, text: str, severity: int = 0, state: int = 1) -> None:
        self.add(tokens.info(number, text, severity, state))

    def _settle(self, *, more: bool) -> None:
        if self._pending is None:
            return
        status, command, rows = self._pending
        self._pending = None
        kind = tokens.DONE_IN_PROCEDURE if self.in_procedure else tokens.DONE
        self._data += tokens.done(kind, status | (tokens.MORE if more else 0), command, rows)

    def rows(self, result: pq.abc.PGresult, types: list[tuple[str, int]]) -> int:
        """A result set and its end. Raises TsqlError for a column that cannot be sent."""
        columns, count = len(types), result.ntuples
        encoders: list[Encoder] = []
        head = bytearray(struct.pack("<BH", 0x81, columns))
        for number, (name, modifier) in enumerate(types):
            kind = result_type(
                name, modifier, lambda n=number: [result.get_value(r, n) for r in range(count)]
            )
            label = (result.fname(number) or b"").decode()
            label = "" if label == "?column?" else label
            head += struct.pack("<IH", 0, 0x09) + kind.info + short_text(label[:128])
            encoders.append(kind.encode)
        self.add(bytes(head))
        get, numbered = result.get_value, list(enumerate(encoders))
        for row in range(count):
            self.add(b"\xd1" + b"".join([encode(get(row, column)) for column, encode in numbered]))
        self.done(tokens.SELECT, count)
        return count

    # --- ends ---

    def end_procedure(self, status: int, values: bytes, *, last: bool, failed: bool = False) -> None:
        self._settle(more=True)
        self._data += tokens.return_status(status) + values
        flags = (0 if last else tokens.MORE) | (tokens.ERROR if failed else 0)
        self._data += tokens.done(tokens.DONE_PROCEDURE, flags)

    def finish(self, *, cancelled: bool = False) -> None:
        """Send all that is left, as the end of the message."""
        if cancelled:
            self._pending = None
            self._data += tokens.done(tokens.DONE, tokens.ATTENTION)
        elif self._pending:
            self._settle(more=False)
        elif not self._data or not self._ends_with_done:
            self._data += tokens.done(tokens.DONE)
        self._transport.send(bytes(self._data))
        self._data.clear()

    @property
    def _ends_with_done(self) -> bool:
        return len(self._data) >= 13 and self._data[-13] == tokens.DONE_PROCEDURE
