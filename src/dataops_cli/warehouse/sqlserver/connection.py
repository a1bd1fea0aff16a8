"""Connections to SQL Server, as one of the three accounts that there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.settings.model import Authentication, Settings
from dataops_cli.threads import in_thread
from dataops_cli.warehouse.sqlserver.driver import find_driver
from dataops_cli.warehouse.sqlserver.errors import Asked, explained, is_interrupt, retried
from dataops_cli.warehouse.sqlserver.listener import require_listener

if TYPE_CHECKING:
    import pyodbc

T = TypeVar("T")

SERVER_PORT = 1433
# Ways for which the driver itself fetches the token, and for which dbt-sqlserver does.
BY_DRIVER = frozenset(
    {Authentication.ENTRA_PASSWORD, Authentication.ENTRA_INTEGRATED, Authentication.ENTRA_INTERACTIVE}
)
BY_TOKEN = frozenset(
    {
        Authentication.CLI,
        Authentication.ENVIRONMENT,
        Authentication.AUTO,
        Authentication.MSI,
        Authentication.SERVICE_PRINCIPAL,
    }
)


class Account(StrEnum):
    """Who connects. ADMIN sets up databases and logins; BUILD runs dbt and publishes; READER reads what is published."""

    ADMIN = "admin"
    BUILD = "build"
    READER = "reader"


@dataclass(frozen=True)
class Server:
    """A SQL Server as an environment's settings describe it."""

    settings: Settings
    on_retry: Callable[[str], None] = lambda _why: None

    @property
    def port(self) -> int | None:
        """The one set, else SQL Server's own, moved as the stack's ports are where it is the stack's. None for a
        named instance: SQL Server Browser knows its port."""
        warehouse, stack = self.settings.warehouse, self.settings.stack
        if warehouse.port is not None:
            return warehouse.port
        if "\\" in warehouse.server:
            return None
        return SERVER_PORT + (stack.port_offset if self.settings.has_own_server else 0)

    @property
    def host(self) -> str:
        """Host name, with the instance only where that decides on the port: clients differ on which one counts."""
        server = self.settings.warehouse.server
        return server if self.port is None else server.partition("\\")[0]

    @property
    def place(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"

    def user(self, account: Account) -> str:
        warehouse = self.settings.warehouse
        return {
            Account.ADMIN: warehouse.admin_user,
            Account.BUILD: warehouse.user,
            Account.READER: warehouse.reader_user,
        }[account]

    def asked(self, account: Account) -> Asked:
        """What an error's remedy depends on. A source that is the warehouse itself counts as that."""
        warehouse = self.settings.warehouse
        apart = warehouse.source_database.lower() != warehouse.database.lower()
        return Asked(
            self.place,
            self.user(account),
            is_own=self.settings.has_own_server,
            source=warehouse.source_database if apart else "",
        )

    def password(self, account: Account) -> str:
        """Raises DataopsError (exit 3) where the account's secret has no value."""
        key, secret = {
            Account.ADMIN: ("secrets.sqlserver_sa_password", self.settings.secrets.sqlserver_sa_password),
            Account.BUILD: ("warehouse.password", self.settings.warehouse.password),
            Account.READER: ("warehouse.reader_password", self.settings.warehouse.reader_password),
        }[account]
        value = secret.get_secret_value() if secret else ""
        if not value:
            raise DataopsError(
                f"The password of {self.user(account)} is not set: {key}",
                hint=f"Set it: dataops secrets set {key}",
                exit_code=ExitCode.UNAVAILABLE,
            )
        return value

    def authentication(self, account: Account) -> Authentication:
        """Only the building account logs in by anything but a password."""
        return self.settings.warehouse.authentication if account is Account.BUILD else Authentication.SQL

    def connection_string(self, account: Account, database: str) -> str:
        """What ODBC takes. It holds the password: it goes to the driver and nowhere else."""
        own = {"DRIVER": find_driver().name, "APP": self.settings.warehouse.application_name}
        return f"{_joined(own)};{self.address(account, database)}"

    def address(self, account: Account, database: str) -> str:
        """`connection_string` for a client that names driver and application itself."""
        warehouse = self.settings.warehouse
        parts = {
            "SERVER": self.host if self.port is None else f"{self.host},{self.port}",
            "DATABASE": database,
            "Encrypt": "yes" if warehouse.encrypt else "no",
            "TrustServerCertificate": "yes" if warehouse.trust_server_certificate else "no",
        }
        way = self.authentication(account)
        if way is Authentication.WINDOWS:
            parts["Trusted_Connection"] = "yes"
        elif way in BY_DRIVER:
            parts["Authentication"] = way.value
            if way is not Authentication.ENTRA_INTEGRATED:
                parts["UID"] = self.user(account)
            if way is Authentication.ENTRA_PASSWORD:
                parts["PWD"] = self.password(account)
        elif way is Authentication.SQL:
            parts |= {"UID": self.user(account), "PWD": self.password(account)}
        return _joined(parts)

    @contextmanager
    def connect(self, account: Account, database: str = "") -> Iterator[Connection]:
        """A connection in autocommit mode to a database (default: the warehouse), with XACT_ABORT on.

        Making it is tried again where that may help. Raises SqlServerError.
        """
        import pyodbc

        database = database or self.settings.warehouse.database
        text = self.connection_string(account, database)
        asked = self.asked(account)
        if self.port is not None:
            require_listener(self.host, self.port, self.settings.warehouse.login_timeout, asked)

        def open_it() -> Connection:
            pyodbc.pooling = False  # a session that outlives its connection would keep its locks
            try:
                raw = pyodbc.connect(
                    text,
                    autocommit=True,
                    timeout=self.settings.warehouse.login_timeout,
                    attrs_before=self._token(account),
                )
            except pyodbc.Error as error:
                raise explained(error, asked) from error
            raw.timeout = self.settings.warehouse.query_timeout
            connection = Connection(raw, asked)
            connection.execute("SET XACT_ABORT ON")
            return connection

        connection = retried(open_it, on_retry=self.on_retry)
        try:
            yield connection
        finally:
            connection.close()

    def _token(self, account: Account) -> dict[int, bytes]:
        """Entra's access token for the ways that the driver does not know: fetched as dbt-sqlserver does."""
        if self.authentication(account) not in BY_TOKEN:
            return {}
        from dbt.adapters.sqlserver.sqlserver_auth import get_pyodbc_attrs_before_credentials
        from dbt.adapters.sqlserver.sqlserver_credentials import SQLServerCredentials

        warehouse = self.settings.warehouse
        secret = warehouse.password.get_secret_value() if warehouse.password else None
        credentials = SQLServerCredentials(
            database=warehouse.database,
            schema="",
            host=self.host,
            UID=warehouse.user,
            tenant_id=warehouse.tenant_id or None,
            client_id=warehouse.user or None,
            client_secret=secret,
            authentication=warehouse.authentication.value,
        )
        return dict(get_pyodbc_attrs_before_credentials(credentials))


class Connection:
    """One session. Every method raises SqlServerError for what SQL Server or its driver refuses."""

    def __init__(self, raw: pyodbc.Connection, asked: Asked) -> None:
        self.raw = raw
        self._asked = asked
        self._calls: list[Event] = []
        self.cut_short = False
        """Whether an interrupt has ended a call, after which the driver takes the session for lost."""

    def execute(self, sql: str, *parameters: Any) -> None:
        """Run a batch to its end, through all of its results: an error may come after the first."""
        with self._explained():
            cursor = self.raw.cursor()
            try:
                cursor.execute(sql, *parameters)
                while cursor.nextset():
                    pass
            finally:
                cursor.close()

    def execute_all(self, statements: Sequence[str]) -> None:
        """Run statements one by one, each a batch of its own, as CREATE VIEW must be."""
        for statement in statements:
            self.execute(statement)

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """All rows of the first result of a batch that has one."""
        with self._explained():
            cursor = self.raw.cursor()
            try:
                cursor.execute(sql, *parameters)
                while cursor.description is None and cursor.nextset():
                    pass
                found = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
                while cursor.nextset():
                    pass
                return found
            finally:
                cursor.close()

    def value(self, sql: str, *parameters: Any) -> Any:
        """The first column of the first row, None where there is no row."""
        found = self.rows(sql, *parameters)
        return found[0][0] if found else None

    @contextmanager
    def cursor(self, sql: str) -> Iterator[pyodbc.Cursor]:
        """The cursor of a query, for rows that are too many to hold."""
        with self._explained():
            cursor = self.raw.cursor()
            try:
                cursor.execute(sql)
                yield cursor
            finally:
                cursor.close()

    @contextmanager
    def transaction(self, *, lock_timeout: float | None = None) -> Iterator[None]:
        """Everything in the block, or nothing. `lock_timeout` (seconds) makes it give way to whom it would wait for."""
        if lock_timeout is not None:
            self.execute(f"SET LOCK_TIMEOUT {int(lock_timeout * 1000)}")
        try:
            self.execute("BEGIN TRANSACTION")
            try:
                yield
                self.execute("COMMIT TRANSACTION")
            except BaseException:
                self._roll_back()
                raise
        finally:
            if lock_timeout is not None:
                self._quietly("SET LOCK_TIMEOUT -1")

    def begin(self, call: Callable[[], T], name: str) -> Future[T]:
        """Begin a call of the driver in a thread of its own: it waits in C, where Python hears no signal."""
        # Known before the thread begins: an interrupt may come at any moment.
        ended = Event()
        self._calls = [*(other for other in self._calls if not other.is_set()), ended]

        def run() -> T:
            try:
                return call()
            finally:
                ended.set()

        return in_thread(run, name)

    def is_idle(self, seconds: float = 0) -> bool:
        """Whether every call that was begun has ended, or does within that time."""
        deadline = time.monotonic() + seconds
        return all(ended.wait(deadline - time.monotonic()) for ended in self._calls)

    def close(self) -> None:
        """Where a call still runs, the connection is left to itself: the driver does not survive to close it then."""
        import pyodbc

        if not self.is_idle():
            return
        try:
            self.raw.close()
        except pyodbc.Error:  # it was lost: nothing is left to close
            return

    def _roll_back(self) -> None:
        # With XACT_ABORT an error has rolled back already; a lost connection, too.
        self._quietly("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION")

    def _quietly(self, sql: str) -> None:
        """For what is put right after an error, which matters more than this."""
        try:
            self.execute(sql)
        except DataopsError:
            return

    @contextmanager
    def _explained(self) -> Iterator[None]:
        import pyodbc

        try:
            yield
        except pyodbc.Error as error:
            self.cut_short |= is_interrupt(error)
            raise explained(error, self._asked) from error


def _joined(parts: dict[str, str]) -> str:
    # SERVER alone is taken literally by the driver; its setting allows no character that would need braces.
    return ";".join(f"{key}={value if key == 'SERVER' else _braced(value)}" for key, value in parts.items())


def _braced(value: str) -> str:
    """A value in a connection string, whatever it holds. Source: ODBC's rules, MS-ODBCSTR 2.1.2."""
    return "{" + value.replace("}", "}}") + "}" if set(value) & set("[]{}(),;?*=!@ /\\") and value else value
