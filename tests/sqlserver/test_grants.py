"""Who may do what: the statements of `dataops source grants`, word by word."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlglot

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.source.tables import SCHEMAS
from dataops_cli.warehouse.sqlserver.connection import Account, Server
from dataops_cli.warehouse.sqlserver.grants import apply, plan, script
from dataops_cli.warehouse.sqlserver.names import literal
from sqlserver.conftest import ADDRESS, TsqlPlatform
from sqlserver.settings import settings
from support import Dataops

ON_SERVER = [] if os.environ.get(ADDRESS) else [pytest.mark.engine]
ENTRA = [
    "cli",
    "environment",
    "auto",
    "msi",
    "serviceprincipal",
    "ActiveDirectoryPassword",
    "ActiveDirectoryIntegrated",
    "ActiveDirectoryInteractive",
]


def lines(**warehouse: object) -> list[str]:
    return [f"{item.database}: {item.sql}" for item in plan(Server(settings(**warehouse)), SCHEMAS)]


def database(name: str) -> str:
    return f"master: IF DB_ID(N'{name}') IS NULL EXEC(N'CREATE DATABASE [{name}]')"


def login(name: str, password: str) -> str:
    return (
        f"DECLARE @password nvarchar(128) = {password};\n"
        f"DECLARE @login nvarchar(max) = N' LOGIN [{name}] WITH PASSWORD = N' + N'''' + "
        "REPLACE(@password, N'''', N'''''') + N'''';\n"
        f"IF NOT EXISTS (SELECT 1 FROM sys.sql_logins WHERE name = N'{name}') SET @login = N'CREATE' + @login\n"
        "ELSE IF CAST(SERVERPROPERTY('EngineEdition') AS int) = 5 SET @login = N'ALTER' + @login\n"
        "ELSE SET @login = N'ALTER' + @login + N' UNLOCK';\n"
        "EXEC(@login)"
    )


def user(database: str, name: str) -> list[str]:
    return [
        f"{database}: IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'{name}') "
        f"CREATE USER [{name}] FOR LOGIN [{name}]",
        f"{database}: ALTER USER [{name}] WITH LOGIN = [{name}]",
    ]


def source_schema(name: str) -> str:
    return (
        f"AdventureWorks2014: IF NOT EXISTS (SELECT 1 FROM sys.schemas WHERE name = N'{name}') "
        f"EXEC(N'CREATE SCHEMA [{name}]')"
    )


def schema(name: str) -> str:
    return (
        f"dataops: IF NOT EXISTS (SELECT 1 FROM sys.schemas WHERE name = N'{name}') "
        f"EXEC(N'CREATE SCHEMA [{name}] AUTHORIZATION [dataops_dbt]')\n"
        f"ELSE IF EXISTS (SELECT 1 FROM sys.schemas WHERE name = N'{name}' "
        "AND USER_NAME(principal_id) <> N'dataops_dbt') "
        f"ALTER AUTHORIZATION ON SCHEMA::[{name}] TO [dataops_dbt]"
    )


PUBLISHED = """\
dataops: IF OBJECT_ID(N'[dataops].[generation_relation]', N'U') IS NOT NULL
BEGIN
    DECLARE @grants nvarchar(max);
    SELECT @grants = STRING_AGG(CAST(N'GRANT SELECT ON ' + QUOTENAME(r.schema_name) + N'.' + \
QUOTENAME(r.relation_name) + N' TO [dataops_readers]' AS nvarchar(max)), N'; ')
    FROM [dataops].[generation_relation] r JOIN [dataops].[generation] g ON g.run_id = r.run_id
    WHERE g.is_current = 1 AND r.schema_name <> N'bronze';
    EXEC(@grants);
END"""


def test_the_whole_plan() -> None:
    assert lines() == [
        database("dataops"),
        database("AdventureWorks2014"),
        "master: " + login("dataops_dbt", "<N'password of dataops_dbt'>"),
        *user("dataops", "dataops_dbt"),
        *user("AdventureWorks2014", "dataops_dbt"),
        "master: " + login("dataops_reader", "<N'password of dataops_reader'>"),
        *user("dataops", "dataops_reader"),
        *map(schema, ("bronze", "silver", "gold", "dbt_scratch", "dataops")),
        *map(source_schema, ("Person", "Production", "Sales")),
        "dataops: GRANT CREATE TABLE TO [dataops_dbt]",
        "dataops: GRANT CREATE VIEW TO [dataops_dbt]",
        "AdventureWorks2014: GRANT SELECT ON SCHEMA::[Person] TO [dataops_dbt]",
        "AdventureWorks2014: GRANT SELECT ON SCHEMA::[Production] TO [dataops_dbt]",
        "AdventureWorks2014: GRANT SELECT ON SCHEMA::[Sales] TO [dataops_dbt]",
        "dataops: IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'dataops_readers') "
        "CREATE ROLE [dataops_readers] AUTHORIZATION [dataops_dbt]\n"
        "ELSE IF EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'dataops_readers' "
        "AND USER_NAME(owning_principal_id) <> N'dataops_dbt') "
        "ALTER AUTHORIZATION ON ROLE::[dataops_readers] TO [dataops_dbt]",
        "dataops: ALTER ROLE [dataops_readers] ADD MEMBER [dataops_reader]",
        PUBLISHED,
    ]


def test_a_password_is_a_parameter_and_in_no_statement() -> None:
    statements = plan(Server(settings()), SCHEMAS)
    text = "\n".join(item.sql + item.batch for item in statements)
    assert not any(secret in text for secret in ("Admin-1", "Build-1", "Reader-1"))
    with_secret = [item for item in statements if item.secret]
    assert [item.secret for item in with_secret] == [Account.BUILD, Account.READER]
    assert [item.batch for item in with_secret] == [login("dataops_dbt", "?"), login("dataops_reader", "?")]
    assert all(item.batch == item.sql for item in statements if not item.secret)


def test_one_database_for_both_and_odd_names() -> None:
    text = "\n".join(lines(database="all in; one", source_database="all in; one"))
    assert text.count("EXEC(N'CREATE DATABASE [all in; one]')") == 1
    assert text.count("CREATE USER [dataops_dbt]") == 1
    assert "DB_ID(N'all in; one')" in text
    assert "CREATE USER [it's [me]]] FOR LOGIN [it's [me]]]" in "\n".join(lines(user="it's [me]"))


@pytest.mark.parametrize(("admin", "build"), [("sa", "sa"), ("root", "ROOT"), ("root", "sa")])
def test_the_administrator_may_be_the_one_who_builds(admin: str, build: str) -> None:
    text = "\n".join(lines(admin_user=admin, user=build))
    assert f"[{build}]" not in text
    assert "AUTHORIZATION" not in text
    assert "CREATE SCHEMA [gold]" in text


def test_the_administrator_may_be_the_one_who_reads() -> None:
    text = "\n".join(lines(reader_user="sa"))
    assert "[sa]" not in text
    assert "CREATE ROLE [dataops_readers]" in text


def test_windows() -> None:
    windows = "\n".join(lines(authentication="windows", user="ACME\\etl"))
    assert "IF SUSER_ID(N'ACME\\etl') IS NULL CREATE LOGIN [ACME\\etl] FROM WINDOWS" in windows
    assert "ALTER USER [ACME\\etl] WITH LOGIN = [ACME\\etl]" in windows


@pytest.mark.parametrize("way", ENTRA)
def test_entra(way: str) -> None:
    two = "\n".join(lines(authentication=way, user="etl"))
    assert "master: IF SUSER_ID(N'etl') IS NULL CREATE LOGIN [etl] FROM EXTERNAL PROVIDER" in two
    assert two.count("CREATE USER [etl] FOR LOGIN [etl]") == 2
    one = "\n".join(lines(authentication=way, user="etl", source_database="dataops"))
    assert "CREATE USER [etl] FROM EXTERNAL PROVIDER" in one
    assert "LOGIN [etl]" not in one
    assert "ALTER USER [etl]" not in one + two


@pytest.mark.parametrize("way", ENTRA)
def test_an_administrator_with_a_password_makes_no_entra_principals(way: str) -> None:
    server = Server(settings(authentication=way, user="etl"))
    with pytest.raises(DataopsError, match="cannot make Entra principals") as error:
        apply(server, plan(server, SCHEMAS))
    assert error.value.exit_code == ExitCode.REFUSED
    assert "dataops source grants --plan" in error.value.hint


def test_a_script_to_hand_over() -> None:
    server = Server(settings())
    statements = plan(server, SCHEMAS)
    text = script(server, statements)
    assert text.startswith(
        "-- Put each password, as N'text', in place of the mark in angle brackets that names its login.\n"
        "USE [master];\n"
        "GO\n"
        "IF DB_ID(N'dataops') IS NULL EXEC(N'CREATE DATABASE [dataops]');\n"
        "GO\n"
    )
    assert "EXEC(@login);\nGO\nUSE [dataops];\nGO\nIF NOT EXISTS" in text
    assert text.endswith("    EXEC(@grants);\nEND;\nGO\n")
    assert "?" not in text
    assert [text.count(f"<N'password of {name}'>") for name in ("dataops_dbt", "dataops_reader")] == [1, 1]
    assert not any(secret in text for secret in ("Admin-1", "Build-1", "Reader-1"))
    entra = Server(settings(authentication="serviceprincipal", user="etl"))
    assert "by its display name, not by its id" in script(entra, plan(entra, SCHEMAS))


def test_everything_parses_as_tsql() -> None:
    for way in ("sql", "windows", "msi"):
        for item in plan(Server(settings(authentication=way)), SCHEMAS):
            assert sqlglot.parse(item.batch.replace("?", "@P1"), dialect="tsql")


def test_a_plan_needs_no_server_and_no_secret(
    dataops_here: Dataops, new_platform: Callable[[Path], Path], tmp_path: Path
) -> None:
    platform = new_platform(tmp_path / "platform")
    shown = dataops_here("source", "grants", "--env", "dev", "--plan", cwd=platform)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "USE [AdventureWorks2014];\nGO\n" in shown.stdout
    document = dataops_here("source", "grants", "--env", "dev", "--plan", "--json", cwd=platform)
    items = json.loads(document.stdout)["plan"]
    assert all(f"{item['sql']};\nGO\n" in shown.stdout for item in items)
    assert {item["database"] for item in items} == {"master", "dataops", "AdventureWorks2014"}


# ---- carried out


@pytest.fixture
def tsql_platform(new_tsql_platform: Callable[[Path], TsqlPlatform], tmp_path: Path) -> TsqlPlatform:
    return new_tsql_platform(tmp_path / "platform")


@pytest.mark.parametrize("how", [pytest.param(how, marks=ON_SERVER) for how in ("command", "script")])
def test_what_another_server_or_an_earlier_owner_left_is_put_right(
    tsql_platform: TsqlPlatform, how: str
) -> None:
    build, reader = tsql_platform.build_user, tsql_platform.reader_user
    owners = (
        "SELECT USER_NAME(principal_id) FROM sys.schemas WHERE name = N'gold' UNION ALL "
        "SELECT USER_NAME(owning_principal_id) FROM sys.database_principals WHERE name = N'dataops_readers'"
    )
    assert tsql_platform.rows(owners) == [(build,), (build,)]
    tsql_platform.execute(f"DROP LOGIN [{reader}]", database="master")
    tsql_platform.execute("ALTER AUTHORIZATION ON SCHEMA::gold TO dbo")
    tsql_platform.execute("ALTER AUTHORIZATION ON ROLE::dataops_readers TO dbo")
    assert tsql_platform.rows(owners) == [("dbo",), ("dbo",)]
    if how == "command":
        tsql_platform.done("source", "grants")
    else:
        text = tsql_platform.run("source", "grants", "--plan").stdout
        for name, key in ((build, "PASSWORD"), (reader, "READER_PASSWORD")):
            password = literal(tsql_platform.secrets[f"DATAOPS_WAREHOUSE__{key}"])
            text = text.replace(f"<N'password of {name}'>", password)
        with tsql_platform.connect(database="master") as connection:
            for batch in text.split("\nGO\n")[:-1]:
                connection.execute(batch)
    assert tsql_platform.rows(owners) == [(build,), (build,)]
    assert tsql_platform.rows("SELECT USER_NAME()", "reader") == [(reader,)]
    assert tsql_platform.rows("SELECT USER_NAME()", "build") == [(build,)]
