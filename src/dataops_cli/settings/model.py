"""What can be set. Keys are written dotted: `warehouse.engine`."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Any, get_args

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from dataops_cli.settings.section import Section
from dataops_cli.settings.services import Airflow, Backup, Deploy, Notifications, Secrets, Stack, Worker

ENV_PREFIX = "DATAOPS_"
NESTED_DELIMITER = "__"


class Engine(StrEnum):
    """The database that holds source, bronze, silver and gold."""

    DUCKDB = "duckdb"
    SQLSERVER = "sqlserver"


class Runner(StrEnum):
    """Where dbt runs."""

    PROCESS = "process"
    CONTAINER = "container"
    AIRFLOW = "airflow"


class Authentication(StrEnum):
    """How to log in to SQL Server: the ways that dbt-sqlserver has, under its names."""

    SQL = "sql"
    WINDOWS = "windows"
    CLI = "cli"
    ENVIRONMENT = "environment"
    AUTO = "auto"
    MSI = "msi"
    SERVICE_PRINCIPAL = "serviceprincipal"
    ENTRA_PASSWORD = "ActiveDirectoryPassword"  # noqa: S105 (a name)
    ENTRA_INTEGRATED = "ActiveDirectoryIntegrated"
    ENTRA_INTERACTIVE = "ActiveDirectoryInteractive"


class Warehouse(Section):
    engine: Engine = Field(Engine.DUCKDB, description="duckdb (embedded) or sqlserver")
    keep_generations: Annotated[int, Field(ge=1)] = Field(
        5, description="published generations that are kept, the current one included"
    )
    server: str = Field("127.0.0.1", description="host name of the SQL Server, or HOST\\INSTANCE")
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="port of the SQL Server (unset: 1433, plus stack.port_offset for the stack's own)"
    )
    database: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        "dataops", description="database that holds bronze, silver and gold"
    )
    source_database: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        "AdventureWorks2014", description="database that holds the source tables"
    )
    authentication: Authentication = Field(
        Authentication.SQL, description="how runs log in: sql, windows, or one of Entra's ways"
    )
    user: str = Field("dataops_dbt", description="login that builds (with serviceprincipal: the client's id)")
    password: SecretStr | None = Field(
        None, description="password of that login, or the client's secret (secret)"
    )
    tenant_id: str = Field("", description="Entra tenant, for serviceprincipal")
    reader_user: str = Field(
        "dataops_reader",
        description="login that only reads what is published: BI, dataops sql, health checks",
    )
    reader_password: SecretStr | None = Field(None, description="password of the reading login (secret)")
    admin_user: str = Field(
        "sa",
        description="login for the set-up of databases and logins; its password is secrets.sqlserver_sa_password",
    )
    encrypt: bool = Field(True, description="encrypt the connection")
    trust_server_certificate: bool = Field(
        False, description="accept a certificate that is not verified (in local, ci, dev and dev-* only)"
    )
    login_timeout: Annotated[int, Field(ge=1)] = Field(15, description="seconds until a login has to succeed")
    query_timeout: Annotated[int, Field(ge=0)] = Field(
        0, description="seconds that one statement may take (0: no limit)"
    )
    publish_timeout: Annotated[int, Field(ge=1)] = Field(
        300, description="seconds that publishing tries to get its locks between readers' queries"
    )
    application_name: str = Field("dataops", description="name by which SQL Server knows our sessions")

    @field_validator("server")
    @classmethod
    def _is_a_host(cls, server: str) -> str:
        if re.fullmatch(r".+,\s*\d+|[^:]+:\d+", server):
            raise ValueError("put the port into warehouse.port")
        if not re.fullmatch(r"[^\s;{}=,'\"]+", server):
            raise ValueError("it must be a host name, or HOST\\INSTANCE")
        return server

    @field_validator("database", "source_database")
    @classmethod
    def _can_be_quoted(cls, name: str) -> str:
        if set(name) & set("'\"[]"):
            raise ValueError("dbt-sqlserver takes no name with a quote or a bracket: ' \" [ ]")
        return name


class Dbt(Section):
    runner: Runner = Field(Runner.PROCESS, description="process, container or airflow")
    threads: Annotated[int, Field(ge=1, le=64)] = Field(4, description="models and tests built side by side")


class Freshness(Section):
    """A source is stale when its latest order is older than this many days."""

    warn_after_days: Annotated[int, Field(ge=1)] = Field(1, description="days until a source gives a warning")
    error_after_days: Annotated[int, Field(ge=1)] = Field(2, description="days until a source fails the run")

    @model_validator(mode="after")
    def _error_is_not_before_warning(self) -> Freshness:
        if self.error_after_days < self.warn_after_days:
            raise ValueError("error_after_days must not be smaller than warn_after_days")
        return self


class Runs(Section):
    keep: Annotated[int, Field(ge=1)] = Field(30, description="runs whose artifacts are kept")
    sample_rows: Annotated[int, Field(ge=0, le=100)] = Field(
        5, description="offending rows shown for a failed test"
    )


class Settings(BaseSettings):
    """All settings of one environment. Sources are given by `settings.load`, not read by this class."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=NESTED_DELIMITER,
        nested_model_default_partial_update=True,
    )

    description: str = Field("", description="what the environment is for")
    warehouse: Warehouse = Warehouse()
    dbt: Dbt = Dbt()
    freshness: Freshness = Freshness()
    runs: Runs = Runs()
    stack: Stack = Stack()
    worker: Worker = Worker()
    airflow: Airflow = Airflow()
    backup: Backup = Backup()
    deploy: Deploy = Deploy()
    notifications: Notifications = Notifications()
    secrets: Secrets = Secrets()

    @property
    def has_own_server(self) -> bool:
        """Whether warehouse.server is the SQL Server of the environment's own stack: one on this machine."""
        return self.stack.enabled and is_loopback(self.warehouse.server)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Settings:
        if self.dbt.runner is not Runner.PROCESS and not self.stack.enabled:
            raise ValueError(
                f"dbt.runner is {self.dbt.runner.value}, which needs stack.enabled = true "
                '(or set dbt.runner = "process")'
            )
        return self


def is_loopback(server: str) -> bool:
    """Whether a server is on the machine that names it."""
    name = server.strip("[]").lower()
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def known_keys() -> dict[str, Any]:
    """Every dotted key with its pydantic FieldInfo, in the order in which they are shown."""
    keys: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            keys.update({f"{name}.{inner}": info for inner, info in section.model_fields.items()})
        else:
            keys[name] = field
    return keys


def is_secret(key: str) -> bool:
    annotation = known_keys()[key].annotation
    return annotation is SecretStr or SecretStr in get_args(annotation)
