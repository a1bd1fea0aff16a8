"""Who may do what: databases, schemas, logins and permissions, as idempotent statements.

    dataops_dbt      builds: owns the layers' schemas, makes tables and views there, reads the source
    dataops_reader   reads what is published in silver and gold: a member of the role dataops_readers
    dataops_readers  the role for BI: add your own users to it

Nothing runs as the administrator after this. Bronze are views on the live source: readers get nothing there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.layers import LAYERS
from dataops_cli.settings.model import Authentication
from dataops_cli.warehouse.sqlserver import state
from dataops_cli.warehouse.sqlserver.connection import BY_DRIVER, BY_TOKEN, Account, Server
from dataops_cli.warehouse.sqlserver.names import identifier, literal, qualified
from dataops_cli.warehouse.sqlserver.switch import READERS, SCRATCH_SCHEMA

OWNED_SCHEMAS = (*LAYERS, SCRATCH_SCHEMA, state.SCHEMA)
MASTER = "master"
# Whoever is dbo everywhere has no user of his own.
DBO = frozenset({"sa", "dbo"})
ENTRA = BY_DRIVER | BY_TOKEN


@dataclass(frozen=True)
class Statement:
    """One batch for one database. `secret` is whose password it knows as @password, `login` that account's name."""

    database: str
    body: str
    secret: Account | None = None
    login: str = ""

    @property
    def sql(self) -> str:
        """As it is shown. The mark in place of a password is no T-SQL, so that nobody runs it as it is."""
        return self._with(f"<{literal(f'password of {self.login}')}>")

    @property
    def batch(self) -> str:
        """As it is carried out, with the password as its parameter."""
        return self._with("?")

    def _with(self, password: str) -> str:
        return f"DECLARE @password nvarchar(128) = {password};\n{self.body}" if self.secret else self.body


def plan(server: Server, source_schemas: Sequence[str]) -> list[Statement]:
    """Everything that the logins need, in order. Each statement does nothing where it is done already,
    except that a password is set to what the secrets say. `source_schemas` are those of the source tables."""
    warehouse = server.settings.warehouse
    database, source = warehouse.database, warehouse.source_database
    databases = list(dict.fromkeys((database, source)))
    build, reader = server.user(Account.BUILD), server.user(Account.READER)
    # One login for everything is allowed: it owns the databases, and needs no user in them.
    own_build, own_reader = _has_user(server, Account.BUILD), _has_user(server, Account.READER)
    owner = build if own_build else None

    statements = [_database(name) for name in databases]
    if own_build:
        statements += _login(server, Account.BUILD)
        for name in databases:
            statements += _user(server, name, Account.BUILD)
    if own_reader:
        statements += _login(server, Account.READER)
        statements += _user(server, database, Account.READER)

    statements += [_schema(database, name, owner) for name in OWNED_SCHEMAS]
    statements += [_schema(source, name, None) for name in source_schemas]
    if own_build:
        statements.append(Statement(database, f"GRANT CREATE TABLE TO {identifier(build)}"))
        statements.append(Statement(database, f"GRANT CREATE VIEW TO {identifier(build)}"))
        statements += [
            Statement(source, f"GRANT SELECT ON SCHEMA::{identifier(name)} TO {identifier(build)}")
            for name in source_schemas
        ]
    # The building login gives the role its permissions in the switch, so it owns the role.
    statements.append(_role(database, READERS, owner))
    if own_reader:
        statements.append(
            Statement(database, f"ALTER ROLE {identifier(READERS)} ADD MEMBER {identifier(reader)}")
        )
    # Last: a schema that gets another owner loses what was granted on its tables.
    statements.append(_published(database))
    return statements


def script(server: Server, statements: Sequence[Statement]) -> str:
    """The plan as sqlcmd and SSMS run it, for whoever may carry it out."""
    lines = []
    if any(statement.secret for statement in statements):
        lines.append(
            "-- Put each password, as N'text', in place of the mark in angle brackets that names its login."
        )
    if server.authentication(Account.BUILD) in ENTRA:
        lines.append(
            "-- Run this as an Entra administrator: a login with a password makes no Entra principals."
        )
        lines.append(
            "-- They are named as Entra shows them: an application by its display name, not by its id."
        )
    current = ""
    for statement in statements:
        if statement.database != current:
            current = statement.database
            lines += [f"USE {identifier(current)};", "GO"]
        lines += [f"{statement.sql};", "GO"]
    return "\n".join(lines) + "\n"


def apply(server: Server, statements: Sequence[Statement]) -> None:
    """Carry out a plan as the administrator. Raises DataopsError (exit 5) where the building login is Entra's, which
    the administrator's password makes impossible; SqlServerError where the server refuses."""
    if server.authentication(Account.BUILD) in ENTRA:
        raise DataopsError(
            f"{server.user(Account.BUILD)} logs in by Entra, and {server.user(Account.ADMIN)}, a login with a "
            "password, cannot make Entra principals",
            hint="Let an Entra administrator run what this prints: dataops source grants --plan. "
            "It must name an application by its display name, not by its id.",
            exit_code=ExitCode.REFUSED,
        )
    for statement in statements:
        parameters = [server.password(statement.secret)] if statement.secret else []
        with server.connect(Account.ADMIN, statement.database) as connection:
            connection.execute(statement.batch, *parameters)


def _has_user(server: Server, account: Account) -> bool:
    return server.user(account).lower() not in DBO | {server.user(Account.ADMIN).lower()}


def _has_login(server: Server, account: Account) -> bool:
    """Entra's users need a login only where they query across databases."""
    warehouse = server.settings.warehouse
    return server.authentication(account) not in ENTRA or warehouse.database != warehouse.source_database


def _database(name: str) -> Statement:
    # Azure SQL Database wants CREATE DATABASE alone in its batch.
    create = literal(f"CREATE DATABASE {identifier(name)}")
    return Statement(MASTER, f"IF DB_ID({literal(name)}) IS NULL EXEC({create})")


def _login(server: Server, account: Account) -> list[Statement]:
    """The login, and its password as the secrets have it."""
    name, way = server.user(account), server.authentication(account)
    if not _has_login(server, account):
        return []
    if way is not Authentication.SQL:
        origin = "WINDOWS" if way is Authentication.WINDOWS else "EXTERNAL PROVIDER"
        create = f"CREATE LOGIN {identifier(name)} FROM {origin}"
        return [Statement(MASTER, f"IF SUSER_ID({literal(name)}) IS NULL {create}")]
    # A password cannot be a parameter of these; it is made part of them on the server, and travels as one.
    # Azure SQL Database (edition 5) has no UNLOCK, and no SUSER_ID either.
    command = literal(f" LOGIN {identifier(name)} WITH PASSWORD = N")
    return [
        Statement(
            MASTER,
            f"DECLARE @login nvarchar(max) = {command} + N'''' + REPLACE(@password, N'''', N'''''') + N'''';\n"
            f"IF NOT EXISTS (SELECT 1 FROM sys.sql_logins WHERE name = {literal(name)}) "
            "SET @login = N'CREATE' + @login\n"
            "ELSE IF CAST(SERVERPROPERTY('EngineEdition') AS int) = 5 SET @login = N'ALTER' + @login\n"
            "ELSE SET @login = N'ALTER' + @login + N' UNLOCK';\n"
            "EXEC(@login)",
            secret=account,
            login=name,
        )
    ]


def _user(server: Server, database: str, account: Account) -> list[Statement]:
    name, way = server.user(account), server.authentication(account)
    origin = f"FOR LOGIN {identifier(name)}" if _has_login(server, account) else "FROM EXTERNAL PROVIDER"
    statements = [
        Statement(
            database,
            f"IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {literal(name)}) "
            f"CREATE USER {identifier(name)} {origin}",
        )
    ]
    if way not in ENTRA:
        # One that came with a database from another server belongs to that server's login.
        # Alone in its batch, as Azure SQL Database wants it.
        statements.append(
            Statement(database, f"ALTER USER {identifier(name)} WITH LOGIN = {identifier(name)}")
        )
    return statements


def _schema(database: str, name: str, owner: str | None) -> Statement:
    create = literal(f"CREATE SCHEMA {identifier(name)}" + _authorization(owner))
    sql = f"IF NOT EXISTS (SELECT 1 FROM sys.schemas WHERE name = {literal(name)}) EXEC({create})"
    if owner:
        sql += (
            f"\nELSE IF EXISTS (SELECT 1 FROM sys.schemas WHERE name = {literal(name)} "
            f"AND USER_NAME(principal_id) <> {literal(owner)}) "
            f"ALTER AUTHORIZATION ON SCHEMA::{identifier(name)} TO {identifier(owner)}"
        )
    return Statement(database, sql)


def _role(database: str, name: str, owner: str | None) -> Statement:
    create = f"CREATE ROLE {identifier(name)}" + _authorization(owner)
    sql = f"IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {literal(name)}) {create}"
    if owner:
        sql += (
            f"\nELSE IF EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {literal(name)} "
            f"AND USER_NAME(owning_principal_id) <> {literal(owner)}) "
            f"ALTER AUTHORIZATION ON ROLE::{identifier(name)} TO {identifier(owner)}"
        )
    return Statement(database, sql)


def _authorization(owner: str | None) -> str:
    return f" AUTHORIZATION {identifier(owner)}" if owner else ""


def _published(database: str) -> Statement:
    """What is published already is given to the readers, bronze excepted: for a role made after the first run."""
    generation, relation = (
        qualified(state.SCHEMA, "generation"),
        qualified(state.SCHEMA, "generation_relation"),
    )
    grant = "N'GRANT SELECT ON ' + QUOTENAME(r.schema_name) + N'.' + QUOTENAME(r.relation_name) + " + literal(
        f" TO {identifier(READERS)}"
    )
    return Statement(
        database,
        f"IF OBJECT_ID({literal(relation)}, N'U') IS NOT NULL\n"
        "BEGIN\n"
        "    DECLARE @grants nvarchar(max);\n"
        f"    SELECT @grants = STRING_AGG(CAST({grant} AS nvarchar(max)), N'; ')\n"
        f"    FROM {relation} r JOIN {generation} g ON g.run_id = r.run_id\n"
        f"    WHERE g.is_current = 1 AND r.schema_name <> {literal(LAYERS[0])};\n"
        "    EXEC(@grants);\n"
        "END",
    )
