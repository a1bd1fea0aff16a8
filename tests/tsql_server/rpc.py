"""Remote procedure calls: statements with parameters, prepared or not, and arrays of them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from tsql_server import procedures, tokens
from tsql_server.backend import PostgresError
from tsql_server.errors import TsqlError
from tsql_server.interpreter import Interpreter
from tsql_server.results import result_type
from tsql_server.script import Simple, parse
from tsql_server.session import Scope, Session
from tsql_server.typenames import postgres_type
from tsql_server.values import Value, WireType, read_type, read_value

PROCEDURES = {10: "sp_executesql", 11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 15: "sp_unprepare"}
# The bytes of a TYPE_INFO after its first, so that those seen before need not be read again.
_SIZES = {0x26: 2, 0x68: 2, 0x6D: 2, 0x6E: 2, 0x6F: 2, 0x24: 2, 0x6A: 4, 0x6C: 4, 0x28: 1, 0x29: 2, 0x2A: 2, 0x2B: 2, 0xE7: 8, 0xEF: 8,
          0xA7: 8, 0xAF: 8, 0xA5: 3, 0xAD: 3}  # fmt: skip
_NO_METADATA = 0x02


@dataclass
class Parameter:
    name: str
    value: Value
    is_output: bool


@dataclass
class Call:
    procedure: str
    parameters: list[Parameter] = field(default_factory=list)


@dataclass
class Prepared:
    text: str
    declared: list[tuple[str, str]]


_known: dict[bytes, WireType] = {}


def calls(payload: bytes) -> Iterator[Call]:
    """The calls of a message."""
    at = 0
    while at < len(payload):
        (size,) = struct.unpack_from("<H", payload, at)
        at += 2
        if size == 0xFFFF:
            (number,) = struct.unpack_from("<H", payload, at)
            at += 2
            call = Call(PROCEDURES.get(number, f"procedure {number}"))
        else:
            call = Call(payload[at : at + 2 * size].decode("utf-16-le").lower().removeprefix("sys."))
            at += 2 * size
        at += 2
        while at < len(payload):
            length = payload[at]
            if length in (0xFF, 0xFE, 0x80):  # another call follows
                at += 1
                break
            name = payload[at + 1 : at + 1 + 2 * length].decode("utf-16-le").lower() if length else ""
            at += 1 + 2 * length
            status = payload[at]
            at += 1
            width = _SIZES.get(payload[at], 0)
            key = payload[at : at + width]
            wire = _known.get(key) if width else None
            if wire is None:
                wire, end = read_type(payload, at)
                if width:
                    _known[key] = wire
                at = end
            else:
                at += width
            text, at = read_value(wire, payload, at)
            call.parameters.append(Parameter(name, Value(wire.type, text), bool(status & 1)))
        yield call


class Calls:
    """Answers calls, and keeps what was prepared."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._prepared: dict[int, Prepared] = {}
        self._last = 0

    def run(self, interpreter: Interpreter, payload: bytes) -> None:
        interpreter.output.in_procedure = True
        asked = list(calls(payload))
        at = 0
        while at < len(asked):
            end = at
            while end < len(asked) and self._same(asked[at], asked[end]):
                end += 1
            if end - at > 1 and self._array(interpreter, asked[at:end], last=end == len(asked)):
                at = end
                continue
            at += 1
            self._one(interpreter, asked[at - 1], last=at == len(asked))

    def _one(self, interpreter: Interpreter, call: Call, *, last: bool) -> None:
        values = b""
        interpreter.failed = False
        status = 0
        try:
            match call.procedure:
                case "sp_prepare":
                    handle = self._prepare(call, 1, 2)
                    values = _handle(handle)
                case "sp_prepexec":
                    handle = self._prepare(call, 1, 2)
                    values = _handle(handle) + self._execute(interpreter, handle, call.parameters[3:])
                case "sp_execute":
                    handle = int(call.parameters[0].value.string or 0)
                    values = self._execute(interpreter, handle, call.parameters[1:])
                case "sp_unprepare":
                    self._prepared.pop(int(call.parameters[0].value.string or 0), None)
                case "sp_executesql":
                    text = call.parameters[0].value.string or ""
                    declared = call.parameters[1].value.string or "" if len(call.parameters) > 1 else ""
                    prepared = Prepared(text, procedures.declarations(declared))
                    values = self._statement(interpreter, prepared, call.parameters[2:])
                case _:
                    arguments = [procedures.Argument(p.name, p.value) for p in call.parameters]
                    status = procedures.call(
                        interpreter, call.procedure.split(".")[-1].strip("[]"), arguments, Scope()
                    )
        except TsqlError as error:
            interpreter.failed = True
            interpreter.output.error(error)
        interpreter.output.end_procedure(status, values, last=last, failed=interpreter.failed)

    def _prepare(self, call: Call, declared: int, text: int) -> int:
        self._last += 1
        names = procedures.declarations(call.parameters[declared].value.string or "")
        self._prepared[self._last] = Prepared(call.parameters[text].value.string or "", names)
        return self._last

    def _execute(self, interpreter: Interpreter, handle: int, given: list[Parameter]) -> bytes:
        prepared = self._prepared.get(handle)
        if prepared is None:
            raise TsqlError(8179, f"Could not find prepared statement with handle {handle}.", 16, 4)
        return self._statement(interpreter, prepared, given)

    def _statement(self, interpreter: Interpreter, prepared: Prepared, given: list[Parameter]) -> bytes:
        scope = Scope()
        for at, (name, kind) in enumerate(prepared.declared):
            value = next((one for one in given if one.name == name), given[at] if at < len(given) else None)
            scope.variables[name] = Value(kind, value.value.text if value else None)
        interpreter.batch(prepared.text, scope)
        out = b""
        for at, one in enumerate(given):
            if one.is_output:
                name = one.name or prepared.declared[at][0]
                out += self._returned(at, name, scope.variables[name])
        return out

    def _returned(self, ordinal: int, name: str, value: Value) -> bytes:
        kind = postgres_type(value.type, default_length=1)
        result = self.session.backend.run(f"SELECT CAST($1 AS {kind})", [value.text], binary=True)
        (column,) = self.session.column_types(result)
        raw = result.get_value(0, 0)
        made = result_type(*column, lambda: [raw])
        return tokens.return_value(ordinal, name, made.info, made.encode(raw))

    # --- arrays ---

    def _same(self, first: Call, other: Call) -> bool:
        if first.procedure != "sp_execute" or other.procedure != "sp_execute":
            return first is other
        return first.parameters[0].value.text == other.parameters[0].value.text

    def _array(self, interpreter: Interpreter, asked: list[Call], *, last: bool) -> bool:
        """Run one prepared INSERT, UPDATE or DELETE for many rows at once. Returns whether it has."""
        session = self.session
        prepared = self._prepared.get(int(asked[0].parameters[0].value.string or 0))
        if prepared is None:
            return False
        statements = parse(prepared.text).statements
        if (
            len(statements) != 1
            or not isinstance(statements[0], Simple)
            or statements[0].tokens[0].word != "INSERT"
        ):
            return False
        scope = Scope({name: Value(kind, None) for name, kind in prepared.declared})
        made, _values = interpreter.translated(statements[0].tokens, scope)
        if made.returns_rows:
            return False
        order = [
            [name for name, _kind in prepared.declared].index(variable) + 1 for variable in made.variables
        ]
        rows = [[call.parameters[at].value.text for at in order] for call in asked]
        try:
            session.statement(lambda: session.backend.run_many(made.sql, rows), permission="INSERT")
        except (TsqlError, PostgresError):
            # All was taken back: one by one, so that each row has its own answer.
            return False
        for number in range(len(asked)):
            interpreter.output.done(tokens.INSERT, 1)
            interpreter.output.end_procedure(0, b"", last=last and number == len(asked) - 1)
        session.rowcount = 1
        return True


def _handle(number: int) -> bytes:
    return tokens.return_value(0, "", b"\x26\x04", b"\x04" + struct.pack("<i", number))
