"""One client from login to its end: reads requests and has them answered."""

from __future__ import annotations

import logging
import socket
import ssl
import struct
from dataclasses import dataclass

import psycopg

from tsql_server import bulk, tds, tokens
from tsql_server.backend import Backend, PostgresError, SessionLost
from tsql_server.errors import Cancelled, TsqlError, translated
from tsql_server.interpreter import Interpreter
from tsql_server.output import Output
from tsql_server.rpc import Calls
from tsql_server.session import Session
from tsql_server.tds import Disconnected, Message, Transport

log = logging.getLogger(__name__)
BEGIN, COMMIT, ROLLBACK, SAVE = 5, 7, 8, 9


@dataclass(frozen=True)
class Server:
    dsn: str
    context: ssl.SSLContext


def serve(server: Server, client: socket.socket) -> None:
    """Serve one client until it goes away; then its session in PostgreSQL ends, with its transaction and its locks."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = Transport(client)
    backend = None
    try:
        login = transport.open(server.context)
        session = _log_in(server, transport, login)
        if session is None:
            return
        backend = session.backend
        transport.spid = backend.pid % 32768
        transport.send(tokens.login_answer(session.database, transport.packet_size))
        _Client(transport, session).run()
    except Disconnected:
        pass
    except SessionLost:
        log.info("the session was ended by PostgreSQL")
    except Exception:
        log.exception("the connection is given up")
    finally:
        client.close()
        if backend is not None:
            backend.close()


def _log_in(server: Server, transport: Transport, login: tds.Login) -> Session | None:
    """The session of a login that is right; else the refusal is sent."""

    def refuse(number: int, text: str, severity: int) -> None:
        transport.send(tokens.error(number, text, severity) + tokens.done(tokens.DONE, tokens.ERROR))

    failed = f"Login failed for user '{login.user}'."
    try:
        name = _checked(server.dsn, login)
    except psycopg.OperationalError as error:
        log.info("login of %s refused: %s", login.user, error)
        refuse(18456, failed, 14)
        return None
    if name is None:
        refuse(18456, failed, 14)
        return None
    clean = [part.replace("|", "/") for part in (name, login.host, login.program)]
    backend = Backend(server.dsn, transport.socket.fileno(), transport.attention, "|".join(clean))
    sysadmin = backend.value("SELECT sysadmin::text FROM tsql.logins WHERE role = $1", name) == "true"
    session = Session(backend, name, "master", sysadmin=sysadmin)
    if login.database:
        try:
            session.use(login.database)
        except TsqlError:
            text = f'Cannot open database "{login.database}" requested by the login. The login failed.'
            answer = tokens.error(4060, text, 11) + tokens.error(18456, failed, 14)
            transport.send(answer + tokens.done(tokens.DONE, tokens.ERROR))
            backend.close()
            return None
    return session


def _checked(dsn: str, login: tds.Login) -> str | None:
    """PostgreSQL checks the password. Returns the login's role."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = connection.execute(
            "SELECT role FROM tsql.logins WHERE lower(name) = lower(%s) AND NOT disabled", [login.user]
        ).fetchone()
    if found is None:
        return None
    psycopg.connect(dsn, user=found[0], password=login.password).close()
    return str(found[0])


class _Client:
    def __init__(self, transport: Transport, session: Session) -> None:
        self.transport = transport
        self.session = session
        self.calls = Calls(session)
        self.bulk: bulk.Load | None = None
        self.descriptor = 0
        self.output = Output(transport)
        session.on_transaction = self._transaction_changed
        session.on_database = self._database_changed

    def run(self) -> None:
        while True:
            message = self.transport.receive()
            if message.type == tds.ATTENTION:
                self.transport.send(tokens.done(tokens.DONE, tokens.ATTENTION))
                continue
            self.output = Output(self.transport)
            if message.status & tds.RESET_CONNECTION:
                self.session.reset()
            cancelled = False
            try:
                self._answer(message)
            except Cancelled:
                cancelled = True
                if self.session.xact_abort and self.session.trancount:
                    self.session.rollback_all()
            except TsqlError as error:
                self.output.error(error)
            except PostgresError as error:
                # Outside of any statement: what is known of it is PostgreSQL's.
                self.output.error(translated(error.fields, self.session.database))
            except (Disconnected, SessionLost):
                raise
            except Exception as error:
                log.exception("the stand-in failed")
                self.output.error(TsqlError(50000, f"The stand-in failed: {type(error).__name__}: {error}"))
            if self.session.backend.failed:
                self.session.rollback_all()
            self.session.trying = 0
            self.output.finish(cancelled=cancelled)

    def _answer(self, message: Message) -> None:
        interpreter = Interpreter(self.session, self.output)
        match message.type:
            case tds.SQL_BATCH:
                text = tds.without_headers(message.payload).decode("utf-16-le")
                log.debug("batch: %s", text)
                load = bulk.begun(self.session, text)
                if load:
                    self.bulk = load
                    self.output.done()
                    return
                interpreter.batch(text)
            case tds.RPC:
                self.calls.run(interpreter, tds.without_headers(message.payload))
            case tds.TRANSACTION_MANAGER:
                self._transaction(tds.without_headers(message.payload))
            case tds.BULK_LOAD if self.bulk:
                load, self.bulk = self.bulk, None
                count = self.session.statement(lambda: load.run(message.payload), permission="INSERT")
                self.session.rowcount = count
                self.output.done(0xF0, count)
            case _:
                raise TsqlError(50000, f"The stand-in takes no message of type {message.type}")

    def _transaction(self, payload: bytes) -> None:
        (kind,) = struct.unpack_from("<H", payload)
        at = 3 if kind == BEGIN else 2
        size = payload[at] if len(payload) > at else 0
        name = payload[at + 1 : at + 1 + size].decode("utf-16-le")
        match kind:
            case 5:
                level = payload[2] if len(payload) > 2 else 0
                names = {
                    1: "READ UNCOMMITTED",
                    2: "READ COMMITTED",
                    3: "REPEATABLE READ",
                    4: "SERIALIZABLE",
                    5: "SNAPSHOT",
                }
                self.session.isolation = names.get(level, self.session.isolation)
                self.session.begin()
            case 7:
                self.session.commit()
            case 8:
                if not (name and self.session.rollback_to(name)):
                    self.session.rollback(name)
            case 9:
                self.session.save(name)
            case _:
                raise TsqlError(50000, "The stand-in has no distributed transactions")
        self.output.done()

    # --- what changed in the session, said to the client ---

    def _transaction_changed(self, what: str) -> None:
        before = struct.pack("<Q", self.descriptor)
        if what == "begin":
            self.descriptor += 1
            self.output.add(tokens.env_change(tokens.ENV_BEGIN, struct.pack("<Q", self.descriptor), b""))
        else:
            kind = tokens.ENV_COMMIT if what == "commit" else tokens.ENV_ROLLBACK
            self.output.add(tokens.env_change(kind, b"", before))

    def _database_changed(self, name: str) -> None:
        self.output.add(tokens.env_change(tokens.ENV_DATABASE, name, ""))
        self.output.info(5701, f"Changed database context to '{name}'.", 0, 1)
