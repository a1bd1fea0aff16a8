"""What expressions and conditions come to, and what a query would give."""

from __future__ import annotations

import json

from psycopg.pq.abc import PGresult

from tsql_server import ddl
from tsql_server.backend import PostgresError
from tsql_server.errors import TsqlError
from tsql_server.lexer import Token
from tsql_server.lexer import tokens as split
from tsql_server.preparing import DESCRIBE
from tsql_server.script import Simple
from tsql_server.session import Scope, Session
from tsql_server.translate import Translated, translate
from tsql_server.typenames import postgres_type
from tsql_server.values import Value


class Evaluation:
    def __init__(self, session: Session) -> None:
        self.session = session

    def _types(self, found: list[Token], scope: Scope) -> dict[str, str]:
        return {name: value.type for name, value in scope.variables.items()} | {
            name: value.type for name, value in self._session_values(found, scope).items()
        }

    def _session_values(self, found: list[Token], scope: Scope) -> dict[str, Value]:
        values = {}
        for at, token in enumerate(found):
            name = token.text.lower()
            if token.kind == "word" and at + 1 < len(found) and found[at + 1].text == "(":
                name = "@@" + name
            if name.startswith("@@") and (value := self.session.session_value(name, scope)):
                values[name] = value
            if token.word == DESCRIBE:
                argument = found[at + 2]
                held = scope.variables.get(argument.text.lower())
                text = argument.string if argument.kind == "string" else (held.string if held else None)
                described = json.dumps(self.describe(text or ""))
                values["describe " + argument.text.lower()] = Value("nvarchar(max)", described.encode())
        return values

    def translated(
        self, found: list[Token], scope: Scope, prefix: str = ""
    ) -> tuple[Translated, list[bytes | None]]:
        special = self._session_values(found, scope)
        known = scope.variables | special
        made = translate(
            found, self.session.names(), {name: value.type for name, value in known.items()}, prefix=prefix
        )
        ddl.bind_what_is_read(self.session, made)
        return made, [known[name].text for name in made.variables]

    def evaluate(self, found: list[Token], kind: str, scope: Scope) -> Value:
        """The value of an expression as a type."""
        if len(found) == 1 and found[0].kind == "string" and kind.startswith("nvarchar(max"):
            return Value(kind, found[0].string.encode())
        made, values = self.translated(found, scope, prefix="SELECT ")
        text = f"SELECT CAST(({made.sql}) AS {postgres_type(kind, default_length=1)})"
        result = self.session.statement(lambda: self.session.backend.run(text, values))
        return Value(kind, result.get_value(0, 0) if result.ntuples else None)

    def condition(self, condition: Simple, scope: Scope) -> bool:
        made, values = self.translated(condition.tokens, scope, prefix="SELECT 1 WHERE ")
        try:
            result = self.session.statement(lambda: self.session.backend.run(made.sql, values))
        except TsqlError as error:
            error.line = condition.line
            raise
        return result.ntuples > 0

    def fold(self, made: Translated, name: str, result: PGresult, scope: Scope) -> None:
        kind = scope.variables[name].type
        text = f"SELECT CAST(({made.sql}) AS {postgres_type(kind, default_length=1)})"
        for row in range(result.ntuples):
            cells = {f"@@column {column}": result.get_value(row, column) for column in range(result.nfields)}
            values = [cells[one] if one in cells else scope.variables[one].text for one in made.variables]
            scope.variables[name] = Value(kind, self.session.backend.run(text, values).get_value(0, 0))
        self.session.rowcount = result.ntuples

    def converted(self, text: bytes | None, kind: str) -> bytes | None:
        if text is None:
            return None
        wanted = postgres_type(kind, default_length=1)
        if wanted in ("text", "varchar(128)"):
            return text
        # From text by way of the literal's own type: what is no number stays an error.
        result = self.session.backend.run(f"SELECT CAST($1::text AS {wanted})", [text])
        return result.get_value(0, 0)

    def describe(self, text: str) -> list[dict[str, object]]:
        """The columns that a query would give, as `tsql.described` reads them."""
        session = self.session
        try:
            made, _values = self.translated(split(text), Scope())
            name = "describe_first_result_set"
            session.backend.script("SAVEPOINT described" if session.backend.in_transaction else "BEGIN")
            nested = session.trancount > 0
            try:
                session.backend.run(f"CREATE TEMPORARY VIEW {name} AS {made.sql}")
                rows = session.backend.rows(
                    "SELECT attnum::text, attname, atttypid::int8::text, atttypmod::text FROM pg_attribute "
                    f"WHERE attrelid = 'pg_temp.{name}'::regclass AND attnum > 0 ORDER BY attnum"
                )
            finally:
                session.backend.script("ROLLBACK TO described" if nested else "ROLLBACK")
                session.apply()
        except (TsqlError, PostgresError) as error:
            return [
                {
                    "ordinal": None,
                    "name": None,
                    "error": getattr(error, "number", 11501),
                    "message": str(error),
                }
            ]
        return [
            {
                "ordinal": int(n or 0),
                "name": name,
                "type": int(kind or 0),
                "modifier": int(modifier or -1),
                "error": None,
            }
            for n, name, kind, modifier in rows
        ]
