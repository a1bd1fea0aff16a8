"""A T-SQL server over TDS, and a platform on it.

DATAOPS_TEST_SQLSERVER is an ODBC-style address of one, with a login that may make databases and logins:

    Server=127.0.0.1,1433;UID=sa;PWD=…;TrustServerCertificate=yes

With `Database=NAME` source and warehouse are both in that database. Without the variable the tests run on the
stand-in (see tests/tsql_server), which is not SQL Server.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from support import Dataops, absent

ENVIRONMENT = "dev-tsql"
ADDRESS = "DATAOPS_TEST_SQLSERVER"


# One model a layer. `as_of_date` decides how many rows there are.
SMALL_PROJECT = {
    "dbt_project.yml": """
name: small
version: "1.0.0"
profile: dataops
flags:
  send_anonymous_usage_stats: false
  dbt_sqlserver_use_dbt_transactions: true
  dbt_sqlserver_use_native_string_types: true
vars: {as_of_date: null}
models:
  small:
    +as_columnstore: false
    bronze: {+tags: [bronze], +schema: bronze, +materialized: view}
    silver: {+tags: [silver], +schema: silver, +materialized: table}
    gold: {+tags: [gold], +schema: gold, +materialized: table}
""",
    "models/schema.yml": """
sources:
  - name: sales
    database: "{{ env_var('DATAOPS_DBT_SOURCE_DATABASE') }}"
    schema: Sales
    tables: [{name: SalesOrderHeader}]
models:
  - name: orders
    columns: [{name: order_id, data_tests: [unique, not_null]}]
  - name: customers
    config: {indexes: [{columns: [customer_id], type: clustered, unique: true}]}
    columns: [{name: customer_id, data_tests: [unique]}]
  - name: days
    config: {indexes: [{columns: [order_date], type: clustered, unique: true}]}
    columns: [{name: order_date, data_tests: [unique]}]
""",
    "models/bronze/orders.sql": """
select SalesOrderID as order_id, CustomerID as customer_id, cast(OrderDate as date) as order_date,
    TotalDue as total_due
from {{ source('sales', 'SalesOrderHeader') }}
""",
    "models/silver/customers.sql": """
select customer_id, order_date, count(*) as total_orders, sum(total_due) as total_due
from (
    select customer_id, total_due, max(order_date) over (partition by customer_id) as order_date
    from {{ ref('orders') }}
    where order_date <= cast('{{ var("as_of_date") or "2100-01-01" }}' as date)
) as ordered
group by customer_id, order_date
""",
    "models/gold/days.sql": """
select order_date, count(*) as total_customers, sum(total_due) as total_due
from {{ ref('customers') }} group by order_date
""",
    # What dbt-sqlserver needs of a project is in its macros, which stay.
    "models/sources/adventureworks.yml": "version: 2\nsources: []\n",
}


@dataclass
class Address:
    host: str
    port: int
    user: str
    password: str
    trust: bool
    database: str = ""
    trial: str = ""


def parse_address(text: str) -> Address:
    """Raises ValueError for what is none."""
    parts = {
        key.strip().lower(): value.strip().strip("{}")
        for key, _, value in (part.partition("=") for part in text.split(";") if part.strip())
    }
    server = parts.get("server", "").removeprefix("tcp:")
    host, _, port = server.partition(",")
    user, password = parts.get("uid") or parts.get("user"), parts.get("pwd") or parts.get("password")
    if not (host and user and password):
        raise ValueError(f"{ADDRESS} needs Server, UID and PWD")
    trust = parts.get("trustservercertificate", "no").lower() in ("yes", "true", "1")
    return Address(host, int(port or 1433), user, password, trust, parts.get("database", ""))


@dataclass
class TsqlPlatform:
    """A platform whose environment `dev-tsql` is on the server."""

    folder: Path
    address: Address
    dataops: Dataops

    @property
    def warehouse(self) -> str:
        return self.address.database or f"dataops {self.address.trial}"

    @property
    def source(self) -> str:
        return self.address.database or f"Adventure Works {self.address.trial}"

    @property
    def build_user(self) -> str:
        return f"dataops_dbt_{self.address.trial}"

    @property
    def reader_user(self) -> str:
        return f"dataops_reader_{self.address.trial}"

    @property
    def secrets(self) -> dict[str, str]:
        return {
            "DATAOPS_SECRETS__SQLSERVER_SA_PASSWORD": self.address.password,
            "DATAOPS_WAREHOUSE__PASSWORD": "Build;{1}'x" + self.address.trial,
            "DATAOPS_WAREHOUSE__READER_PASSWORD": "Read=ab1X" + self.address.trial,  # kingfisher:ignore
        }

    def run(self, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.dataops(
            *arguments, cwd=self.folder, **{"DATAOPS_ENV": ENVIRONMENT, **self.secrets, **variables}
        )

    def done(self, *arguments: object, **variables: str) -> Any:
        """The JSON document of a command that must succeed."""
        ended = self.run(*arguments, "--json", **variables)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return json.loads(ended.stdout)

    @contextmanager
    def connect(self, who: str = "admin", database: str = "") -> Iterator[Any]:
        """A pyodbc connection of the tests' own, as `admin`, `build` or `reader`."""
        import pyodbc

        from dataops_cli.warehouse.sqlserver.driver import find_driver

        user, password = {
            "admin": (self.address.user, self.address.password),
            "build": (self.build_user, self.secrets["DATAOPS_WAREHOUSE__PASSWORD"]),
            "reader": (self.reader_user, self.secrets["DATAOPS_WAREHOUSE__READER_PASSWORD"]),
        }[who]
        braced = "{" + password.replace("}", "}}") + "}"
        pyodbc.pooling = False
        connection = pyodbc.connect(
            f"DRIVER={{{find_driver().name}}};SERVER={self.address.host},{self.address.port};"
            f"DATABASE={database or self.warehouse};UID={user};PWD={braced};Encrypt=yes;"
            f"TrustServerCertificate={'yes' if self.address.trust else 'no'}",
            autocommit=True,
            timeout=15,
        )
        try:
            yield connection
        finally:
            connection.close()

    def rows(self, sql: str, who: str = "admin", database: str = "") -> list[tuple[Any, ...]]:
        with self.connect(who, database) as connection:
            cursor = connection.cursor()
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def execute(self, sql: str, who: str = "admin", database: str = "") -> None:
        with self.connect(who, database) as connection:
            cursor = connection.cursor()
            cursor.execute(sql)
            while cursor.nextset():
                pass

    def settings(self) -> str:
        """The environment's file."""
        return f"""
[warehouse]
engine = "sqlserver"
server = "{self.address.host}"
port = {self.address.port}
database = "{self.warehouse}"
source_database = "{self.source}"
user = "{self.build_user}"
reader_user = "{self.reader_user}"
admin_user = "{self.address.user}"
trust_server_certificate = {str(self.address.trust).lower()}
keep_generations = 3

[dbt]
runner = "process"

[freshness]
warn_after_days = 36500
error_after_days = 36500
"""

    def current(self) -> str:
        return next(item["run_id"] for item in self.done("generations", "list") if item["published"])

    def objects(self) -> set[str]:
        """Every table and view of the layers, as schema.name."""
        found = self.rows(
            "SELECT s.name, o.name FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id "
            "WHERE o.type IN ('U', 'V') AND s.name IN ('bronze', 'silver', 'gold')"
        )
        return {f"{schema}.{name}" for schema, name in found}


@pytest.fixture(scope="session")
def tsql_address() -> Iterator[Address]:
    if text := os.environ.get(ADDRESS):
        yield parse_address(text)
        return
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        absent("a T-SQL stand-in on a Docker engine", "no engine answers")
    from tsql_server import running

    with running() as server:
        yield Address(server.host, server.port, server.user, server.password, trust=True)


@pytest.fixture(scope="session")
def new_tsql_platform(
    tsql_address: Address, dataops: Dataops, new_platform: Callable[[Path], Path]
) -> Iterator[Callable[[Path], TsqlPlatform]]:
    """Make a platform in a folder, with databases and logins of its own, set up and without a source."""
    made: list[TsqlPlatform] = []

    def create(folder: Path) -> TsqlPlatform:
        address = replace(tsql_address, trial=secrets.token_hex(3))
        platform = TsqlPlatform(new_platform(folder), address, dataops)
        made.append(platform)
        (folder / "environments" / f"{ENVIRONMENT}.toml").write_text(platform.settings(), encoding="utf-8")
        platform.done("source", "grants")
        return platform

    yield create
    for platform in made:
        _clean(platform)


@pytest.fixture(scope="session")
def tsql(
    new_tsql_platform: Callable[[Path], TsqlPlatform], tmp_path_factory: pytest.TempPathFactory
) -> TsqlPlatform:
    """A platform with a view and two tables, so that a run takes seconds, and a small source."""
    platform = new_tsql_platform(tmp_path_factory.mktemp("tsql") / "platform")
    dbt = platform.folder / "dbt"
    for folder in ("models", "tests", "packages"):
        shutil.rmtree(dbt / folder)
    for name in ("packages.yml", "package-lock.yml", "selectors.yml"):
        (dbt / name).unlink()
    for path in (dbt / "macros").iterdir():
        if path.name not in ("generate_schema_name.sql", "generate_alias_name.sql", "plain_ddl.sql"):
            path.unlink()
    for name, text in SMALL_PROJECT.items():
        path = dbt / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    platform.done("source", "generate", "--scale", "0.02")
    return platform


def _clean(platform: TsqlPlatform) -> None:
    """Leave a server as it was; the stand-in is thrown away."""
    import pyodbc

    if ADDRESS not in os.environ:
        return
    statements = []
    if not platform.address.database:
        statements += [f"DROP DATABASE IF EXISTS [{name}]" for name in (platform.warehouse, platform.source)]
    statements += [f"DROP LOGIN [{name}]" for name in (platform.build_user, platform.reader_user)]
    for statement in statements:
        try:
            platform.execute(statement, database="master")
        except pyodbc.Error as error:
            print(f"left on the server: {statement}: {error}")
