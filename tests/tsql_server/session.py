"""What SQL Server keeps for a connection: database, options, transaction, variables; and statements in their scopes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from psycopg import pq, sql

from tsql_server.backend import Backend, PostgresError, SessionLost
from tsql_server.errors import TsqlError, translated
from tsql_server.translate import Key, Names, Relation, stored_name
from tsql_server.values import Value

T = TypeVar("T")
VERSION = (
    "Microsoft SQL Server 2017 (RTM-CU31) - 14.0.3465.1 (X64) \n\tDeveloper Edition (64-bit) on Linux "
    "(a stand-in for tests: PostgreSQL behind TDS)"
)


@dataclass
class Scope:
    """Variables of one batch, and what a handler knows of the error it handles."""

    variables: dict[str, Value] = field(default_factory=dict)
    error: TsqlError | None = None


def literal(text: str) -> str:
    return sql.Literal(text).as_string()


def quoted(name: str) -> str:
    return sql.Identifier(name).as_string()


class Session:
    def __init__(self, backend: Backend, login: str, database: str, *, sysadmin: bool) -> None:
        self.backend = backend
        self.login = login
        self.database = database
        self.sysadmin = sysadmin
        self.trancount = 0
        self.doomed = False
        self.xact_abort = False
        self.implicit_transactions = False
        self.nocount = False
        self.format_only = False
        self.lock_timeout = -1
        self.isolation = "READ COMMITTED"
        self.rowcount = 0
        self.last_error = 0
        self.trying = 0
        self._administrators = 0
        self.on_transaction: Callable[[str], None] = lambda _what: None
        self.on_database: Callable[[str], None] = lambda _name: None
        self._types = dict(backend.rows("SELECT oid::text, typname FROM pg_type WHERE typtype IN ('b', 'd')"))
        self._declared: dict[int, dict[int, str]] = {}
        self.apply()

    # --- settings ---

    def apply(self) -> None:
        """Tell PostgreSQL the session's settings: a rollback takes back what was told inside of it."""
        timeout = {-1: 0, 0: 1}.get(self.lock_timeout, self.lock_timeout)
        self.backend.script(
            f"SET SESSION AUTHORIZATION {quoted(self.login)}; SET tsql.db = {literal(self.database)}; "
            f"SET lock_timeout = {timeout}; SET search_path = tsql, pg_catalog"
        )

    def reset(self) -> None:
        """What sp_reset_connection does."""
        self.rollback_all()
        self.xact_abort = self.implicit_transactions = self.nocount = False
        self.lock_timeout, self.isolation = -1, "READ COMMITTED"
        self.backend.script("SELECT pg_advisory_unlock_all(); DISCARD TEMP")
        self.apply()

    @contextmanager
    def administrator(self) -> Iterator[None]:
        """Above all permissions, for what the server itself writes down."""
        if not self._administrators:
            self.backend.script("RESET SESSION AUTHORIZATION")
        self._administrators += 1
        try:
            yield
        finally:
            self._administrators -= 1
            if not self._administrators and not self.backend.failed:
                self.backend.script(f"SET SESSION AUTHORIZATION {quoted(self.login)}")

    def use(self, name: str) -> None:
        found = self.backend.rows(
            "SELECT name, tsql.has_dbaccess(name) FROM tsql.databases WHERE lower(name) = lower($1)", name
        )
        if not found:
            raise TsqlError(
                911, f"Database '{name}' does not exist. Make sure that the name is entered correctly."
            )
        if found[0][1] != "1":
            raise TsqlError(
                916,
                f'The server principal "{self.login}" is not able to access the database "{name}" under the current '
                "security context.",
                14,
            )
        self.database = str(found[0][0])
        self.backend.run("SELECT set_config('tsql.db', $1, false)", [self.database.encode()])
        self.on_database(self.database)

    # --- transactions ---

    def begin(self) -> None:
        if not self.trancount:
            level = {"SNAPSHOT": "REPEATABLE READ"}.get(self.isolation, self.isolation)
            level = "READ COMMITTED" if level == "READ UNCOMMITTED" else level
            self.backend.script(f"BEGIN ISOLATION LEVEL {level}")
            self.on_transaction("begin")
        self.trancount += 1

    def commit(self) -> None:
        if not self.trancount:
            raise TsqlError(3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        if self.doomed:
            raise TsqlError(
                3930,
                "The current transaction cannot be committed and cannot support operations that write to the log file. "
                "Roll back the transaction.",
            )
        self.trancount -= 1
        if not self.trancount:
            try:
                self.backend.script("COMMIT")
            except PostgresError as error:
                self.apply()
                raise translated(error.fields, self.database) from None
            finally:
                self.on_transaction("commit")

    def rollback(self, name: str = "") -> None:
        if not self.trancount:
            raise TsqlError(3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        self.rollback_all()

    def rollback_all(self) -> None:
        was_open = self.trancount or self.backend.in_transaction
        self.trancount, self.doomed = 0, False
        if was_open:
            self.backend.script("ROLLBACK")
            self.apply()
            self.on_transaction("rollback")

    def save(self, name: str) -> None:
        self.backend.script(f"SAVEPOINT {quoted('save ' + name.lower())}")

    def rollback_to(self, name: str) -> bool:
        """Back to a savepoint, if there is one of this name."""
        try:
            self.backend.script(f"ROLLBACK TO {quoted('save ' + name.lower())}")
        except PostgresError:
            return False
        self.apply()
        return True

    def statement(self, work: Callable[[], T], *, permission: str = "SELECT", many: bool = False) -> T:
        """Do the work of one statement: all of it or nothing. `many`: it is more than one statement to PostgreSQL.

        An error is SQL Server's; what it ends of the transaction around it has ended.
        """
        if self.implicit_transactions and not self.trancount:
            self.begin()
        in_transaction = bool(self.trancount)
        save = in_transaction and (not self.xact_abort or self.trying > 0)
        if not in_transaction and many:
            self.backend.script("BEGIN")
        elif save:
            self.backend.script("SAVEPOINT statement")
        try:
            result = work()
            if not in_transaction and many:
                self.backend.script("COMMIT")
            elif save:
                self.backend.script("RELEASE SAVEPOINT statement")
            return result
        except SessionLost:
            raise
        except BaseException as raised:
            error = (
                translated(raised.fields, self.database, permission)
                if isinstance(raised, PostgresError)
                else raised
            )
            ends = isinstance(error, TsqlError) and error.ends_transaction
            if not in_transaction:
                if self.backend.in_transaction:
                    self.backend.script("ROLLBACK")
                    self.apply()
                elif many:
                    self.apply()
            elif save and not ends:
                self.backend.script("ROLLBACK TO SAVEPOINT statement")
                self.apply()
                self.doomed = self.doomed or (self.xact_abort and isinstance(error, TsqlError))
            else:
                self.rollback_all()
            if error is raised:
                raise
            raise error from None

    # --- names and types ---

    def names(self) -> Names:
        return Names(self.database, self.resolve, self.namespace)

    def resolve(self, keys: Iterable[Key]) -> Mapping[Key, Relation]:
        wanted = json.dumps([list(key) for key in keys])
        rows = self.backend.rows(
            """
            SELECT k.value->>0, k.value->>1, n.nspname, c.relname, c.relkind, c.oid::int8::text,
                (SELECT string_agg(attname, chr(10) ORDER BY attnum) FROM pg_attribute
                WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
                coalesce(m.bound, true)::text
            FROM jsonb_array_elements($1::jsonb) AS k
            JOIN pg_class c ON lower(c.relname) = k.value->>1 AND c.relkind IN ('r', 'v', 'S')
            JOIN pg_namespace n ON n.oid = c.relnamespace
                AND CASE WHEN k.value->>1 LIKE '#%' THEN n.oid = pg_my_temp_schema() ELSE lower(n.nspname) = k.value->>0 END
            LEFT JOIN tsql.modules m ON m.object = c.oid
            """,
            wanted,
        )
        return {
            (str(space), str(name)): Relation(
                str(namespace),
                str(actual),
                str(kind),
                int(oid or 0),
                tuple((columns or "").split("\n")),
                bound == "true",
            )
            for space, name, namespace, actual, kind, oid, columns, bound in rows
        }

    def find(self, parts: list[str]) -> Relation | None:
        """What a name of one to three parts leads to."""
        key = self.key(parts)
        return self.resolve([key]).get(key)

    def key(self, parts: list[str]) -> Key:
        database, schema, name = ["", "", *parts][-3:]
        return f"{database or self.database}.{schema or 'dbo'}".lower(), stored_name(name).lower()

    def stored(self, name: str) -> str:
        """The name under which PostgreSQL keeps an object; a long one is written down."""
        short = stored_name(name)
        if short != name:
            with self.administrator():
                self.backend.run(
                    f"INSERT INTO tsql.long_names VALUES ({literal(short)}, {literal(name)}) ON CONFLICT DO NOTHING"
                )
        return short

    def namespace(self, parts: list[str]) -> str:
        """PostgreSQL's schema of what is to be made there. Raises TsqlError where there is none."""
        wanted = self.key(parts)[0]
        found = self.backend.value("SELECT nspname FROM pg_namespace WHERE lower(nspname) = $1", wanted)
        if found is None:
            name = wanted.split(".", 1)[1]
            raise TsqlError(
                2760,
                f'The specified schema name "{name}" either does not exist or you do not have permission to use it.',
            )
        return found

    def column_types(self, result: pq.abc.PGresult) -> list[tuple[str, int]]:
        """The type of each column, as it was declared where it is known."""
        types = []
        for column in range(result.nfields):
            name = self._types.get(str(result.ftype(column)))
            if name is None:
                raise TsqlError(50000, f"The stand-in does not know PostgreSQL's type {result.ftype(column)}")
            table = result.ftable(column)
            if name in ("numeric", "timestamp", "varchar") and table:
                name = self._of_table(table).get(result.ftablecol(column), name)
            types.append((name, result.fmod(column)))
        return types

    def _of_table(self, table: int) -> dict[int, str]:
        """The domains of a table's columns, which PostgreSQL's results do not tell."""
        if table not in self._declared:
            rows = self.backend.rows(
                "SELECT a.attnum::text, t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
                "WHERE a.attrelid = $1::int8::oid AND t.typname IN ('money', 'smallmoney', 'datetime', 'smalldatetime')",
                str(table),
            )
            self._declared[table] = {int(number or 0): str(name) for number, name in rows}
        return self._declared[table]

    def session_value(self, name: str, scope: Scope) -> Value | None:
        """The value of @@NAME, and of what `translate` makes one."""
        error = scope.error
        text: str | int | None
        match name:
            case "@@trancount":
                text = self.trancount
            case "@@rowcount" | "@@rowcount_big":
                text = self.rowcount
            case "@@error":
                text = self.last_error
            case "@@spid":
                text = self.backend.pid % 32768
            case "@@xact_state":
                text = 0 if not self.trancount else -1 if self.doomed else 1
            case "@@lock_timeout":
                text = self.lock_timeout
            case "@@version":
                return Value("nvarchar(max)", VERSION.encode())
            case "@@servername":
                return Value("nvarchar(128)", b"tsql-stand-in")
            case "@@language":
                return Value("nvarchar(128)", b"us_english")
            case "@@error_number":
                text = error.number if error else None
            case "@@error_severity":
                text = error.severity if error else None
            case "@@error_state":
                text = error.state if error else None
            case "@@error_line":
                text = error.line if error else None
            case "@@error_message":
                return Value("nvarchar(max)", error.text.encode() if error else None)
            case "@@error_procedure":
                return Value("nvarchar(128)", None)
            case "@@options" | "@@fetch_status" | "@@nestlevel" | "@@datefirst" | "@@microsoftversion":
                text = {"@@datefirst": 7, "@@microsoftversion": 0x0E000D89}.get(name, 0)
            case "@@scope_identity" | "@@identity":
                found = self.backend.value("SELECT tsql.last_identity()")
                return Value("bigint", None if found is None else found.encode())
            case _:
                return None
        return Value("int", None if text is None else str(text).encode())
