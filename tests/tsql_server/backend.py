"""The PostgreSQL session behind one client: statements, savepoints, and the client heard while one runs."""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from importlib import resources

import psycopg
from psycopg import pq

from tsql_server.errors import Cancelled, Fields

OK = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK, pq.ExecStatus.EMPTY_QUERY)
NO_LOCK = "55P03"


class PostgresError(Exception):
    def __init__(self, fields: Fields) -> None:
        super().__init__(fields.text)
        self.fields = fields


class SessionLost(Exception):
    """PostgreSQL ended the session: KILL, or the server went away."""


def _fields(result: pq.abc.PGresult) -> Fields:
    def text(which: pq.DiagnosticField) -> str:
        return (result.error_field(which) or b"").decode("utf-8", "replace")

    field = pq.DiagnosticField
    return Fields(
        text(field.SQLSTATE),
        text(field.MESSAGE_PRIMARY),
        text(field.MESSAGE_DETAIL),
        text(field.SCHEMA_NAME),
        text(field.TABLE_NAME),
        text(field.COLUMN_NAME),
        text(field.CONSTRAINT_NAME),
    )


class Backend:
    """`listen` is called while PostgreSQL works and something came from the client; it says whether to cancel."""

    def __init__(self, dsn: str, client: int, listen: Callable[[], bool], name: str) -> None:
        self._connection = psycopg.connect(
            dsn,
            autocommit=True,
            application_name=name[:63],
            options="-c deadlock_timeout=200ms -c timezone=UTC -c datestyle=ISO,MDY -c jit=off",
        )
        self._pg = self._connection.pgconn
        self._client = client
        self._listen = listen
        self.pid = self._pg.backend_pid

    def close(self) -> None:
        self._connection.close()

    def run(self, sql: str, values: Sequence[bytes | None] = (), *, binary: bool = False) -> pq.abc.PGresult:
        """Run one statement; values are text, of types that PostgreSQL finds out."""
        self._pg.send_query_params(sql.encode(), list(values) or None, result_format=1 if binary else 0)
        return self._wait()[-1]

    def script(self, sql: str) -> None:
        """Run statements without parameters in one round trip."""
        self._pg.send_query(sql.encode())
        self._wait()

    def describe(self, sql: str) -> pq.abc.PGresult:
        """The types of a statement's parameters and columns, without running it."""
        self._pg.send_prepare(b"", sql.encode())
        self._wait()
        self._pg.send_describe_prepared(b"")
        return self._wait()[-1]

    def rows(self, sql: str, *values: str | None) -> list[tuple[str | None, ...]]:
        result = self.run(sql, [None if value is None else value.encode() for value in values])
        return [
            tuple(
                None if (cell := result.get_value(row, column)) is None else cell.decode()
                for column in range(result.nfields)
            )
            for row in range(result.ntuples)
        ]

    def value(self, sql: str, *values: str | None) -> str | None:
        found = self.rows(sql, *values)
        return found[0][0] if found else None

    def run_many(self, sql: str, rows: Sequence[Sequence[bytes | None]]) -> None:
        """Run one statement for many rows in a pipeline: all, or none and an error."""
        pg = self._pg
        pg.send_prepare(b"many", sql.encode())
        self._wait()
        try:
            pg.enter_pipeline_mode()
            try:
                error = None
                for at in range(0, len(rows), 1000):
                    part = rows[at : at + 1000]
                    for row in part:
                        pg.send_query_prepared(b"many", list(row) or None)
                    if at + 1000 >= len(rows):
                        pg.pipeline_sync()
                    else:
                        pg.send_flush_request()
                    pg.flush()
                    error = self._drain(len(part)) or error
                while True:
                    result = pg.get_result()
                    if result is not None and result.status == pq.ExecStatus.PIPELINE_SYNC:
                        break
                    if result is None and pg.status == pq.ConnStatus.BAD:
                        raise SessionLost
                if error:
                    raise PostgresError(error)
            finally:
                pg.exit_pipeline_mode()
        finally:
            self.script("DEALLOCATE many")

    def _drain(self, count: int) -> Fields | None:
        error = None
        for _ in range(count):
            result = self._pg.get_result()
            if result is None:
                raise SessionLost
            if result.status == pq.ExecStatus.FATAL_ERROR:
                error = error or _fields(result)
            self._pg.get_result()
        return error

    def copy(self, sql: str, data: bytes) -> int:
        """COPY … FROM STDIN; returns the number of rows."""
        self._pg.send_query(sql.encode())
        result = self._pg.get_result()
        assert result is not None
        if result.status != pq.ExecStatus.COPY_IN:
            while self._pg.get_result() is not None:
                pass
            raise PostgresError(_fields(result))
        for at in range(0, len(data), 1 << 20):
            self._pg.put_copy_data(data[at : at + (1 << 20)])
        self._pg.put_copy_end()
        return self._wait()[-1].command_tuples or 0

    def _wait(self) -> list[pq.abc.PGresult]:
        """Wait for PostgreSQL, and hear the client meanwhile."""
        pg, cancelled = self._pg, False
        try:
            while True:
                pg.flush()
                while pg.is_busy():
                    watched = [pg.socket] if cancelled else [pg.socket, self._client]
                    ready = select.select(watched, [], [])[0]
                    if self._client in ready and self._listen():
                        cancelled = True
                        pg.get_cancel().cancel()
                    if pg.socket in ready:
                        pg.consume_input()
                break
        except psycopg.OperationalError:
            raise SessionLost from None
        results = []
        while (result := pg.get_result()) is not None:
            results.append(result)
        if cancelled:
            raise Cancelled
        for result in results:
            if result.status not in OK:
                if pg.status == pq.ConnStatus.BAD:
                    raise SessionLost
                raise PostgresError(_fields(result))
        return results

    @property
    def in_transaction(self) -> bool:
        return self._pg.transaction_status != pq.TransactionStatus.IDLE

    @property
    def failed(self) -> bool:
        return self._pg.transaction_status == pq.TransactionStatus.INERROR


def prepare(dsn: str, sa_password: str) -> None:
    """Make types, functions, catalogue and the databases master and tempdb, once for a PostgreSQL database."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        if connection.execute("SELECT to_regnamespace('tsql')").fetchone() != (None,):
            connection.execute(psycopg.sql.SQL("ALTER ROLE sa PASSWORD {}").format(sa_password))
            return
        with connection.transaction():
            for name in ("1_types.sql", "2_functions.sql", "3_catalog.sql"):
                connection.execute((resources.files("tsql_server") / "sql" / name).read_text().encode())
            connection.execute(
                psycopg.sql.SQL("CREATE ROLE sa SUPERUSER LOGIN PASSWORD {}").format(sa_password)
            )
            connection.execute("INSERT INTO tsql.logins (name, role, sysadmin) VALUES ('sa', 'sa', true)")
            for database in ("master", "tempdb", "model", "msdb"):
                connection.execute("CALL tsql.create_database(%s)", [database])
