"""Who may do what: databases, schemas, logins and permissions, as idempotent statements.

    dataops_dbt      builds: owns the layers' schemas, makes tables and views there, reads the source
    dataops_reader   reads what is published in silver and gold: a member of the role dataops_readers
    dataops_readers  the role for BI: add your own users to it

Nothing runs as the administrator after this. Bronze are views on the live source: readers get nothing there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataops_cli.layers import LAYERS
from dataops_cli.settings.model import Authentication
from dataops_cli.warehouse.sqlserver import state
from dataops_cli.warehouse.sqlserver.connection import BY_DRIVER, BY_TOKEN, Account, Connection, Server
from dataops_cli.warehouse.sqlserver.names import identifier, literal, qualified
from dataops_cli.warehouse.sqlserver.switch import READERS, SCRATCH_SCHEMA

OWNED_SCHEMAS = (*LAYERS, SCRATCH_SCHEMA, state.SCHEMA)
MASTER = "master"


@dataclass(frozen=True)
class Statement:
    """One batch for one database. `secret` is the parameter that it needs, which is shown nowhere."""

    database: str
    sql: str
    secret: Account | None = None

    def __str__(self) -> str:
        return f"{self.database}: {self.sql}"


def plan(server: Server, source_schemas: Sequence[str]) -> list[Statement]:
    """Everything that the logins need, in order. Each statement does nothing where it is done already,
    except that a password is set to what the secrets say. `source_schemas` are those of the source tables."""
    warehouse = server.settings.warehouse
    build, reader = server.user(Account.BUILD), server.user(Account.READER)
    database, source = warehouse.database, warehouse.source_database
    # One login for everything is allowed: it owns the databases, and needs no user in them.
    own_login = build != server.user(Account.ADMIN)

    statements = [_database(name) for name in dict.fromkeys((database, source))]
    if own_login:
        statements += _login(server, Account.BUILD)
        statements += [_user(server, name, Account.BUILD) for name in dict.fromkeys((database, source))]
    statements += _login(server, Account.READER)
    statements.append(_user(server, database, Account.READER))

    statements += [_schema(database, name, build if own_login else None) for name in OWNED_SCHEMAS]
    statements += [_schema(source, name, None) for name in source_schemas]
    if own_login:
        statements.append(Statement(database, f"GRANT CREATE TABLE TO {identifier(build)}"))
        statements.append(Statement(database, f"GRANT CREATE VIEW TO {identifier(build)}"))
        statements += [
            Statement(source, f"GRANT SELECT ON SCHEMA::{identifier(name)} TO {identifier(build)}")
            for name in source_schemas
        ]
    # The building login gives the role its permissions in the switch, so it owns the role.
    owner = f" AUTHORIZATION {identifier(build)}" if own_login else ""
    role = f"CREATE ROLE {identifier(READERS)}{owner}"
    statements.append(
        Statement(
            database,
            f"IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {literal(READERS)}) {role}",
        )
    )
    statements.append(
        Statement(database, f"ALTER ROLE {identifier(READERS)} ADD MEMBER {identifier(reader)}")
    )
    return statements


def of_published(database: str, placed: Sequence[state.Placed]) -> list[Statement]:
    """What is published already is given to the readers, for a role that is made after the first run."""
    return [
        Statement(database, f"GRANT SELECT ON {qualified(item.schema, item.name)} TO {identifier(READERS)}")
        for item in placed
        if item.schema.lower() != LAYERS[0]
    ]


def apply(server: Server, statements: Sequence[Statement]) -> None:
    """Carry out a plan as the administrator. Raises SqlServerError where the server refuses."""
    database = server.settings.warehouse.database
    for statement in statements:
        with server.connect(Account.ADMIN, statement.database) as connection:
            _run(server, connection, statement)
    with server.connect(Account.ADMIN, database) as connection:
        if state.exists(connection):
            for statement in of_published(database, state.relations(connection, state.current(connection))):
                _run(server, connection, statement)


def _run(server: Server, connection: Connection, statement: Statement) -> None:
    parameters = [server.password(statement.secret)] if statement.secret else []
    connection.execute(statement.sql, *parameters)


def _database(name: str) -> Statement:
    return Statement(MASTER, f"IF DB_ID({literal(name)}) IS NULL CREATE DATABASE {identifier(name)}")


def _login(server: Server, account: Account) -> list[Statement]:
    """The login, and its password as the secrets have it. Entra's users need no login."""
    name, way = server.user(account), server.authentication(account)
    if way in BY_DRIVER | BY_TOKEN:
        return []
    if way is Authentication.WINDOWS:
        return [
            Statement(
                MASTER, f"IF SUSER_ID({literal(name)}) IS NULL CREATE LOGIN {identifier(name)} FROM WINDOWS"
            )
        ]
    statements = []
    # A password cannot be a parameter of these; it is made part of them on the server, and travels as one.
    for condition, verb in (("IS NULL", "CREATE"), ("IS NOT NULL", "ALTER")):
        command = f"{verb} LOGIN {identifier(name)} WITH PASSWORD = N"
        statements.append(
            Statement(
                MASTER,
                f"DECLARE @command nvarchar(max) = {literal(command)} + N'''' + REPLACE(?, N'''', N'''''') + N''''; "
                f"IF SUSER_ID({literal(name)}) {condition} EXEC(@command)",
                secret=account,
            )
        )
    return statements


def _user(server: Server, database: str, account: Account) -> Statement:
    name, way = server.user(account), server.authentication(account)
    origin = "FROM EXTERNAL PROVIDER" if way in BY_DRIVER | BY_TOKEN else f"FOR LOGIN {identifier(name)}"
    return Statement(
        database,
        f"IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {literal(name)}) "
        f"CREATE USER {identifier(name)} {origin}",
    )


def _schema(database: str, name: str, owner: str | None) -> Statement:
    create = f"CREATE SCHEMA {identifier(name)}" + (f" AUTHORIZATION {identifier(owner)}" if owner else "")
    return Statement(
        database,
        f"IF NOT EXISTS (SELECT 1 FROM sys.schemas WHERE name = {literal(name)}) EXEC({literal(create)})",
    )
