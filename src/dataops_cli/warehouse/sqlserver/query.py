"""Queries that a user types on a warehouse in SQL Server."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.warehouse.query import Say, no_statement
from dataops_cli.warehouse.sqlserver.batches import batches, is_complete, is_one_query, sure_results
from dataops_cli.warehouse.sqlserver.connection import Account, Connection, Server
from dataops_cli.warehouse.sqlserver.errors import SqlServerError, explained
from dataops_cli.warehouse.sqlserver.interruptible import InterruptibleCursor

if TYPE_CHECKING:
    import pyodbc

T = TypeVar("T")

LIST_TABLES = "List what there is with: SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES"
# What the driver puts before each message.
OF_THE_DRIVER = re.compile(r"^\[Microsoft\]\[[^\]]*\](\[SQL Server\])?")
UNKNOWN_OBJECT = 208
# What SQL Server says to a login that may not do something, or not see what it asks for.
DENIED = frozenset({229, 230, 262, 916, 2760, 3701})
# Types that pyodbc leaves to its callers: those of the CLR (hierarchyid, geography) and datetimeoffset.
SQL_SS_UDT, SQL_SS_TIMESTAMPOFFSET = -151, -155


@contextmanager
def sqlserver_session(server: Server, *, write: bool, say: Say) -> Iterator[SqlServerSession]:
    """Reading goes through the login that may do nothing else; what it could still do, such as fill a table
    of its own, is rolled back at the end of each text."""
    account = Account.BUILD if write else Account.READER
    with server.connect(account) as connection:
        connection.raw.add_output_converter(SQL_SS_UDT, bytes)
        connection.raw.add_output_converter(SQL_SS_TIMESTAMPOFFSET, moment)
        yield SqlServerSession(server, account, connection, say)


class SqlServerSession:
    def __init__(self, server: Server, account: Account, connection: Connection, say: Say) -> None:
        self._server = server
        self._account = account
        self._connection = connection
        self._say = say
        self._writes = account is Account.BUILD

    def answers(self, text: str) -> Generator[SqlServerAnswer, None, None]:
        todo = batches(text)
        if not todo:
            raise no_statement()
        try:
            for batch in todo:
                if not self._writes:  # again for each: an error ends a transaction
                    self._run("IF @@TRANCOUNT = 0 BEGIN TRANSACTION")
                yield from self._batch(batch)
        except KeyboardInterrupt as interrupt:  # the session ends, and its transaction with it
            if self._writes:
                raise interrupted_while_writing() from interrupt
            raise
        except SqlServerError as error:
            self._roll_back()
            raise self._advised(error) from error
        except BaseException:
            self._roll_back()
            raise
        else:
            self._roll_back()

    def is_complete(self, text: str) -> bool:
        return is_complete(text)

    def has_several_results(self, text: str) -> bool:
        return sure_results(text) > 1

    def ask(self, cursor: InterruptibleCursor, call: Callable[[], T]) -> T:
        """A call of the driver, with its errors explained."""
        import pyodbc

        try:
            return cursor.ask(call)
        except pyodbc.Error as error:
            raise explained(error, self._server.asked(self._account)) from error

    def _batch(self, batch: str) -> Iterator[SqlServerAnswer]:
        with self._cursor() as cursor:
            raw = cursor.raw
            self.ask(cursor, lambda: raw.execute(batch))
            more = True
            while more:
                self._tell(raw)
                if raw.description:
                    answer = SqlServerAnswer(self, cursor)
                    yield answer
                    # To come to what follows, the driver reads all rows before it: not where nothing follows.
                    # A batch that writes is never cut short.
                    if not (answer.ended or self._writes) and is_one_query(batch):
                        return
                elif raw.rowcount >= 0:
                    self._say(f"{raw.rowcount:,} {'row' if raw.rowcount == 1 else 'rows'} affected")
                more = bool(self.ask(cursor, raw.nextset))

    @contextmanager
    def _cursor(self) -> Iterator[InterruptibleCursor]:
        cursor = InterruptibleCursor(self._connection)
        try:
            yield cursor
        finally:
            cursor.close()

    def _run(self, sql: str) -> None:
        with self._cursor() as cursor:
            self.ask(cursor, lambda: cursor.raw.execute(sql))

    def _roll_back(self) -> None:
        if not self._writes:
            with suppress(SqlServerError):  # it was lost, and its transaction with it
                self._run("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION")

    def _tell(self, cursor: pyodbc.Cursor) -> None:
        """What PRINT, RAISERROR and the server itself have to say."""
        for _kind, text in cursor.messages or ():
            self._say(OF_THE_DRIVER.sub("", text))

    def _advised(self, error: SqlServerError) -> SqlServerError:
        hint = error.hint
        if error.number == UNKNOWN_OBJECT:
            hint = LIST_TABLES
        elif error.number in DENIED and not self._writes:
            hint = (
                f"{self._server.user(Account.READER)} only reads what is published in silver and gold; "
                f"to ask as {self._server.user(Account.BUILD)}, which may do more: --write"
            )
        code = ExitCode(error.exit_code)
        return SqlServerError(error.reason, hint=hint, exit_code=code, number=error.number, state=error.state)


class SqlServerAnswer:
    """One result. `ended` says that its last row has been fetched."""

    def __init__(self, session: SqlServerSession, cursor: InterruptibleCursor) -> None:
        self._session = session
        self._cursor = cursor
        self.columns = tuple(column[0] for column in cursor.raw.description)
        self.ended = False

    def fetch(self, count: int | None) -> list[tuple[Any, ...]]:
        raw = self._cursor.raw
        if self.ended:
            return []
        rows = self._session.ask(
            self._cursor, raw.fetchall if count is None else lambda: raw.fetchmany(count)
        )
        self.ended = count is None or len(rows) < count
        return [tuple(row) for row in rows]


def moment(raw: bytes | None) -> datetime | None:
    """A datetimeoffset as the driver gives it. Source: Microsoft, SQL_SS_TIMESTAMPOFFSET_STRUCT."""
    if raw is None:
        return None
    year, month, day, hour, minute, second, nanoseconds, hours, minutes = struct.unpack("<6hI2h", raw)
    offset = timezone(timedelta(hours=hours, minutes=minutes))
    return datetime(year, month, day, hour, minute, second, nanoseconds // 1000, offset)


def interrupted_while_writing() -> DataopsError:
    return DataopsError(
        "Interrupted",
        hint="What was under way is undone; what was written before it stays, unless it was in a transaction.",
        exit_code=ExitCode.INTERRUPTED,
    )
