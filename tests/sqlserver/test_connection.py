"""What the driver is told: connection strings, tokens and ports, for every way to log in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.settings.model import Authentication, Settings
from dataops_cli.warehouse.sqlserver import connection
from dataops_cli.warehouse.sqlserver.connection import BY_TOKEN, Account, Server, _braced
from dataops_cli.warehouse.sqlserver.driver import Driver
from sqlserver.settings import settings


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "find_driver", lambda: Driver("/opt/driver 18.so", "", ""))


def parse(text: str) -> dict[str, str]:
    """A connection string by ODBC's rules: a value in braces ends at a brace that is not doubled."""
    found, at = {}, 0
    while at < len(text):
        equals = text.index("=", at)
        key, at = text[at:equals], equals + 1
        if text[at : at + 1] == "{":
            value, at = "", at + 1
            while text[at : at + 2] == "}}" or text[at] != "}":
                step = 2 if text[at] == "}" else 1
                value, at = value + text[at], at + step
            at += 1
        else:
            end = text.find(";", at)
            value, at = (text[at:], len(text)) if end < 0 else (text[at:end], end)
            assert not set(value) & set("{}")
        assert key not in found
        found[key] = value
        assert text[at : at + 1] in ("", ";")
        at += 1
    return found


def told(account: Account = Account.BUILD, database: str = "dataops", **warehouse: Any) -> dict[str, str]:
    return parse(Server(settings(**warehouse)).connection_string(account, database))


PASSWORD = st.text(
    st.sampled_from("aZ1;}{=' \"[]()?*!@,\\/ü😀") | st.characters(exclude_categories=["Cs", "Cc"]), min_size=1
)


@given(PASSWORD)
@example("a;UID=sa;PWD=b")
@example("}")
@example("{a}")
@example("a}};b")
@example(" leading and trailing ")
@example("=")
def test_no_value_ends_early(value: str) -> None:
    assert parse(f"A={_braced(value)};UID=me") == {"A": value, "UID": "me"}


@given(PASSWORD)
def test_no_password_becomes_another_option(password: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "find_driver", lambda: Driver("ODBC Driver 18 for SQL Server", "", ""))
        found = told(password=password)
    assert found["PWD"] == password
    assert set(found) == {
        *("DRIVER", "SERVER", "DATABASE", "Encrypt", "TrustServerCertificate", "APP", "UID", "PWD")
    }


def test_what_the_driver_is_told() -> None:
    assert told(server="sql.example.org", port=14330, password="Pa;ss}w{ord=1") == {  # noqa: S106
        "DRIVER": "/opt/driver 18.so",
        "SERVER": "sql.example.org,14330",
        "DATABASE": "dataops",
        "Encrypt": "yes",
        "TrustServerCertificate": "no",
        "APP": "dataops",
        "UID": "dataops_dbt",
        "PWD": "Pa;ss}w{ord=1",
    }
    found = told(database="its; mine", encrypt=False, trust_server_certificate=True)
    assert (found["DATABASE"], found["Encrypt"], found["TrustServerCertificate"]) == (
        "its; mine",
        "no",
        "yes",
    )


@pytest.mark.parametrize(
    ("account", "user", "password"),
    [
        (Account.ADMIN, "sa", "Admin-1"),
        (Account.BUILD, "dataops_dbt", "Build-1"),
        (Account.READER, "dataops_reader", "Reader-1"),
    ],
)
def test_each_account_has_its_own_login(account: Account, user: str, password: str) -> None:
    found = told(account)
    assert (found["UID"], found["PWD"]) == (user, password)


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (Authentication.WINDOWS, {"Trusted_Connection": "yes"}),
        (
            Authentication.ENTRA_PASSWORD,
            {"Authentication": "ActiveDirectoryPassword", "UID": "dataops_dbt", "PWD": "Build-1"},
        ),
        (Authentication.ENTRA_INTEGRATED, {"Authentication": "ActiveDirectoryIntegrated"}),
        (
            Authentication.ENTRA_INTERACTIVE,
            {"Authentication": "ActiveDirectoryInteractive", "UID": "dataops_dbt"},
        ),
        *[(way, {}) for way in sorted(BY_TOKEN)],
    ],
)
def test_the_building_login_by_other_ways(way: Authentication, expected: dict[str, str]) -> None:
    found = told(authentication=way.value)
    login = ("Trusted_Connection", "Authentication", "UID", "PWD")
    assert {key: value for key, value in found.items() if key in login} == expected
    # The others always have a password.
    assert told(Account.READER, authentication=way.value)["PWD"] == "Reader-1"  # noqa: S105


@pytest.mark.parametrize("way", sorted(BY_TOKEN))
def test_a_token_is_fetched_as_dbt_does(way: Authentication, monkeypatch: pytest.MonkeyPatch) -> None:
    from dbt.adapters.sqlserver import sqlserver_auth

    asked: list[Any] = []

    def fetch(credentials: Any) -> dict[int, bytes]:
        asked.append(credentials)
        return {1256: b"token"}

    monkeypatch.setattr(sqlserver_auth, "get_pyodbc_attrs_before_credentials", fetch)
    server = Server(settings(authentication=way.value, user="client", tenant_id="tenant"))
    assert server._token(Account.BUILD) == {1256: b"token"}
    (credentials,) = asked
    assert credentials.authentication == way.value
    assert (credentials.tenant_id, credentials.client_id) == ("tenant", "client")
    assert credentials.client_secret == "Build-1"  # noqa: S105
    assert server._token(Account.READER) == {}
    assert len(asked) == 1


def test_a_password_needs_no_token() -> None:
    assert Server(settings())._token(Account.BUILD) == {}


@pytest.mark.parametrize(
    ("warehouse", "stack", "port"),
    [
        ({}, {}, 1433),
        ({}, {"enabled": True}, 1433),
        ({}, {"enabled": True, "port_offset": 10000}, 11433),
        ({"server": "localhost"}, {"enabled": True, "port_offset": 10000}, 11433),
        # Another machine's server is not the stack's.
        ({"server": "sql.example.org"}, {"enabled": True, "port_offset": 10000}, 1433),
        ({}, {"enabled": False, "port_offset": 10000}, 1433),
        ({"port": 5000}, {"enabled": True, "port_offset": 10000}, 5000),
    ],
)
def test_the_port(warehouse: dict[str, Any], stack: dict[str, Any], port: int) -> None:
    chosen = {"warehouse": {"engine": "sqlserver", **warehouse}, "stack": stack}
    server = Server(Settings.model_validate(chosen))
    assert server.port == port
    assert server.place.endswith(f":{port}")


@pytest.mark.parametrize(
    ("account", "key"),
    [
        (Account.ADMIN, "secrets.sqlserver_sa_password"),
        (Account.BUILD, "warehouse.password"),
        (Account.READER, "warehouse.reader_password"),
    ],
)
@pytest.mark.parametrize("given_as", [None, ""])
def test_a_password_that_is_not_set(account: Account, key: str, given_as: str | None) -> None:
    empty = {"password": given_as, "reader_password": given_as}
    chosen = {"warehouse": empty, "secrets": {"sqlserver_sa_password": given_as}}
    server = Server(Settings.model_validate(chosen))
    with pytest.raises(DataopsError) as raised:
        server.connection_string(account, "dataops")
    assert raised.value.exit_code == ExitCode.UNAVAILABLE
    assert key in raised.value.reason
    assert raised.value.hint == f"Set it: dataops secrets set {key}"


@pytest.mark.parametrize(
    ("server", "port", "told_server", "dbt", "place"),
    [
        ("db", None, "db,1433", ("db", "1433"), "db:1433"),
        ("db", 14330, "db,14330", ("db", "14330"), "db:14330"),
        (r"db\SALES", None, r"db\SALES", (r"db\SALES", "1433"), r"db\SALES"),
        (r"db\SALES", 14330, "db,14330", ("db", "14330"), "db:14330"),
    ],
)
def test_the_cli_and_dbt_ask_the_same_instance(
    server: str,
    port: int | None,
    told_server: str,
    dbt: tuple[str, str],
    place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The adapter tells the driver a host with an instance alone, and any other host with its port."""
    from dataops_cli.warehouse.sqlserver import profile

    monkeypatch.setattr(profile, "find_driver", lambda: Driver("/opt/driver 18.so", "", ""))
    assert told(server=server, port=port)["SERVER"] == told_server
    there = Server(settings(server=server, port=port))
    variables = profile.dbt_environment(there, "")
    assert (variables["DATAOPS_DBT_SQLSERVER_HOST"], variables["DATAOPS_DBT_SQLSERVER_PORT"]) == dbt
    assert there.place == place


@pytest.mark.parametrize("name", ["it's", 'a "b"', "a]b", "a[b"])
@pytest.mark.parametrize("key", ["database", "source_database"])
def test_a_name_that_dbt_cannot_quote(key: str, name: str) -> None:
    with pytest.raises(ValidationError, match="takes no name with a quote or a bracket"):
        settings(**{key: name})
    assert settings(**{key: "with a space"})


@pytest.mark.parametrize(
    ("server", "message"),
    [
        ("127.0.0.1,39189", "put the port into warehouse.port"),
        ("tcp:db, 1433", "put the port into warehouse.port"),
        ("localhost:1433", "put the port into warehouse.port"),
        ("a b", "it must be a host name, or HOST"),
        ("db;UID=sa", "it must be a host name, or HOST"),
        ("", "it must be a host name, or HOST"),
    ],
)
def test_what_is_no_host(server: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(server=server)


@pytest.mark.parametrize("server", ["db", r"db\SALES", "tcp:db", "::1", "[::1]", "(local)", "10.0.0.1"])
def test_what_is_a_host(server: str) -> None:
    assert settings(server=server).warehouse.server == server
