"""Who may do what: the statements of `dataops source grants`, word by word."""

from __future__ import annotations

import sqlglot

from dataops_cli.source.tables import SCHEMAS
from dataops_cli.warehouse.sqlserver.connection import Account, Server
from dataops_cli.warehouse.sqlserver.grants import of_published, plan
from dataops_cli.warehouse.sqlserver.state import Placed
from sqlserver.settings import settings


def lines(**warehouse: object) -> list[str]:
    return [str(item) for item in plan(Server(settings(**warehouse)), SCHEMAS)]


def login(verb: str, name: str, condition: str) -> str:
    return (
        f"master: DECLARE @command nvarchar(max) = N'{verb} LOGIN [{name}] WITH PASSWORD = N' + N'''' + "
        f"REPLACE(?, N'''', N'''''') + N''''; IF SUSER_ID(N'{name}') {condition} EXEC(@command)"
    )


def user(database: str, name: str) -> str:
    return (
        f"{database}: IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'{name}') "
        f"CREATE USER [{name}] FOR LOGIN [{name}]"
    )


def schema(database: str, name: str, owner: str) -> str:
    return (
        f"{database}: IF NOT EXISTS (SELECT 1 FROM sys.schemas WHERE name = N'{name}') "
        f"EXEC(N'CREATE SCHEMA [{name}]{owner}')"
    )


def test_the_whole_plan() -> None:
    owner = " AUTHORIZATION [dataops_dbt]"
    assert lines() == [
        "master: IF DB_ID(N'dataops') IS NULL CREATE DATABASE [dataops]",
        "master: IF DB_ID(N'AdventureWorks2014') IS NULL CREATE DATABASE [AdventureWorks2014]",
        login("CREATE", "dataops_dbt", "IS NULL"),
        login("ALTER", "dataops_dbt", "IS NOT NULL"),
        user("dataops", "dataops_dbt"),
        user("AdventureWorks2014", "dataops_dbt"),
        login("CREATE", "dataops_reader", "IS NULL"),
        login("ALTER", "dataops_reader", "IS NOT NULL"),
        user("dataops", "dataops_reader"),
        *(schema("dataops", name, owner) for name in ("bronze", "silver", "gold", "dbt_scratch", "dataops")),
        *(schema("AdventureWorks2014", name, "") for name in ("Person", "Production", "Sales")),
        "dataops: GRANT CREATE TABLE TO [dataops_dbt]",
        "dataops: GRANT CREATE VIEW TO [dataops_dbt]",
        "AdventureWorks2014: GRANT SELECT ON SCHEMA::[Person] TO [dataops_dbt]",
        "AdventureWorks2014: GRANT SELECT ON SCHEMA::[Production] TO [dataops_dbt]",
        "AdventureWorks2014: GRANT SELECT ON SCHEMA::[Sales] TO [dataops_dbt]",
        "dataops: IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'dataops_readers') "
        "CREATE ROLE [dataops_readers] AUTHORIZATION [dataops_dbt]",
        "dataops: ALTER ROLE [dataops_readers] ADD MEMBER [dataops_reader]",
    ]


def test_no_password_is_in_a_statement() -> None:
    statements = plan(Server(settings()), SCHEMAS)
    text = "\n".join(map(str, statements))
    assert not any(secret in text for secret in ("Admin-1", "Build-1", "Reader-1"))
    assert [item.secret for item in statements if item.secret] == [Account.BUILD] * 2 + [Account.READER] * 2


def test_one_database_for_both_and_odd_names() -> None:
    text = "\n".join(lines(database="it's [one]", source_database="it's [one]"))
    assert text.count("CREATE DATABASE [it's [one]]]") == 1
    assert text.count("CREATE USER [dataops_dbt]") == 1
    assert "DB_ID(N'it''s [one]')" in text


def test_the_administrator_may_be_the_one_who_builds() -> None:
    text = "\n".join(lines(user="sa"))
    assert "LOGIN [sa]" not in text
    assert "USER [sa]" not in text
    assert "AUTHORIZATION" not in text
    assert "CREATE SCHEMA [gold]" in text


def test_other_ways_to_log_in() -> None:
    windows = "\n".join(lines(authentication="windows", user="ACME\\etl"))
    assert "IF SUSER_ID(N'ACME\\etl') IS NULL CREATE LOGIN [ACME\\etl] FROM WINDOWS" in windows
    entra = "\n".join(lines(authentication="msi", user="etl-identity"))
    assert "CREATE USER [etl-identity] FROM EXTERNAL PROVIDER" in entra
    assert "LOGIN [etl-identity]" not in entra


def test_what_is_published_is_given_to_the_readers_without_bronze() -> None:
    placed = [
        Placed("brnz_x", "bronze", "brnz_x", True, "r", 1, "select 1 as n"),
        Placed("gld_x", "gold", "gld_x", False, "r", 1),
    ]
    assert list(map(str, of_published("dataops", placed))) == [
        "dataops: GRANT SELECT ON [gold].[gld_x] TO [dataops_readers]"
    ]


def test_everything_parses_as_tsql() -> None:
    for item in plan(Server(settings()), SCHEMAS):
        assert sqlglot.parse(item.sql.replace("?", "@P1"), dialect="tsql")
