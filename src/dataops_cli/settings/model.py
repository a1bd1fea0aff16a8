"""What can be set. Keys are written dotted: `warehouse.engine`."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

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


def _can_be_bound(text: str) -> str:
    """An address on which ports can be published; an empty one stands for that of the Compose files."""
    try:
        return str(ip_address(text)) if text else text
    except ValueError:
        raise ValueError("it must be an IP address of the stack's machine, such as 10.0.0.5") from None


BindAddress = Annotated[str, AfterValidator(_can_be_bound)]


def _listed(given: Any) -> Any:
    """A list as a variable has it: `ops,team`."""
    return given.replace(",", " ").split() if isinstance(given, str) else given


def _are_tags(tags: list[str]) -> list[str]:
    for tag in tags:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", tag):
            raise ValueError(f"{tag!r} is no tag: letters, digits, _ and - are")
    return tags


# The tags of addresses; `all` is every address.
Tags = Annotated[list[str], BeforeValidator(_listed), AfterValidator(_are_tags)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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


class Stack(Section):
    enabled: bool = Field(False, description="whether the environment has a Docker Compose stack")
    name: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9_-]*)?$")] = Field(
        "", description="name of the Compose project (empty: dataops-<env>)"
    )
    prefix: Annotated[str, Field(pattern=r"^([a-zA-Z0-9][a-zA-Z0-9_.-]*)?$")] | None = Field(
        None, description="what container, network and volume names begin with (unset: <env>-)"
    )
    port_offset: Annotated[int, Field(ge=0, le=50000)] = Field(
        0, description="added to every published port, so that environments fit on one engine"
    )
    bind_address: BindAddress = Field("127.0.0.1", description="address on which ports are published")
    files: list[str] = Field(
        ["compose/compose.yml"], description="Compose files, a later one over an earlier one"
    )
    profiles: list[str] = Field([], description="Compose profiles that are active")
    registry: str = Field(
        "", description="registry, HOST[:PORT][/PATH], by which our images reach other machines (empty: none)"
    )
    timeout: Annotated[int, Field(ge=1)] = Field(
        300, description="seconds until every service must be healthy"
    )

    @field_validator("registry")
    @classmethod
    def _names_a_registry(cls, registry: str) -> str:
        """Without a dot or a port in what comes first, the engine would take it for a user of Docker Hub."""
        host = r"(localhost|(?=[^/]*[.:])[a-zA-Z0-9][a-zA-Z0-9.-]*(:\d+)?)"
        if registry and not re.fullmatch(host + r"(/[a-z0-9]+([._-]+[a-z0-9]+)*)*", registry):
            raise ValueError("it must be HOST[:PORT][/PATH], such as registry.example.net/data")
        return registry


class Worker(Section):
    """Workers for dbt's queue on other machines than the stack's."""

    host: Annotated[str, Field(pattern=r"^([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?)?$")] = Field(
        "", description="name or IPv4 address by which they reach the stack's machine (empty: there are none)"
    )
    bind_address: BindAddress = Field(
        "127.0.0.1", description="address on which the ports for them are published"
    )
    certificate: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]*=*$")] = Field(
        "", description="certificate of the stack, by which they know it: dataops worker certificate"
    )


class Airflow(Section):
    url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#@]*)?$")] | None = Field(
        None, description="address of Airflow (unset: port 8080, plus stack.port_offset, of the stack's own)"
    )
    user: Annotated[str, Field(min_length=1)] = Field(
        "admin",
        description="user who signs in to Airflow; the password is secrets.airflow_admin_password",
    )
    timeout: Annotated[int, Field(ge=1)] = Field(
        30, description="seconds that one call to Airflow may take, repetitions included"
    )

    schedule: Annotated[str, Field(pattern=r"^@\w+$|^\S+( +\S+){4}$")] | None = Field(
        None, description="when the pipeline runs by itself: cron, UTC (unset: on demand only)"
    )
    late_after_minutes: Annotated[int, Field(ge=1)] = Field(
        60, description="minutes after which a run of the pipeline that has not ended is called late"
    )
    keep_logs_days: Annotated[int, Field(ge=1)] = Field(30, description="days for which task logs are kept")

    @field_validator("url")
    @classmethod
    def _without_the_api(cls, url: str | None) -> str | None:
        """The address of Airflow itself, also where that of its API was given."""
        return url and url.rstrip("/").removesuffix("/api/v2")


class Deploy(Section):
    """Taking commits to the environment, and bringing earlier ones back."""

    branch: str = Field(
        "", description="git branch whose commits go to the environment where `dataops deploy` names none"
    )
    keep_releases: Annotated[int, Field(ge=1)] = Field(
        5, description="releases that can be gone back to, with their images and the last data of each"
    )
    hook_timeout: Annotated[int, Field(ge=1)] = Field(300, description="seconds that a hook may take")


class Backup(Section):
    keep: Annotated[int, Field(ge=1)] = Field(5, description="backups that are kept")
    before_deploy: bool = Field(False, description="whether a deployment begins with a backup")


class Notifications(Section):
    """Which event goes to the addresses of which tags."""

    airflow_url: Annotated[str, Field(pattern=r"^(https?://[^\s/?#@]+(/[^\s?#@]*)?)?$")] = Field(
        "",
        description="address of Airflow for links in notifications (empty: where the stack publishes it)",
    )
    deploy_started: Tags = Field([], description="tags that a deploy or rollback that begins goes to")
    deploy_succeeded: Tags = Field(["all"], description="tags that a deploy that is done goes to")
    deploy_failed: Tags = Field(["all"], description="tags that a deploy or rollback that failed goes to")
    deploy_rolled_back: Tags = Field(
        ["all"], description="tags that the return to an earlier release goes to: a rollback, a repair"
    )
    pipeline_failed: Tags = Field(["all"], description="tags that a failed run of the pipeline goes to")
    pipeline_recovered: Tags = Field(["all"], description="tags that the first good run after it goes to")
    pipeline_late: Tags = Field(
        ["all"], description="tags that a run that takes longer than airflow.late_after_minutes goes to"
    )
    health_bad: Tags = Field(["all"], description="tags that health that turned bad goes to")
    health_good: Tags = Field(["all"], description="tags that health that turned good again goes to")


class Secrets(Section):
    """Passwords of the stack's services. They are never written to a settings file."""

    sqlserver_sa_password: SecretStr | None = Field(
        None, description="password of SQL Server's administrator sa (secret)"
    )
    postgres_password: SecretStr | None = Field(
        None, description="password of the metadata database's owner (secret)"
    )
    redis_password: SecretStr | None = Field(
        None, description="password of Redis, which holds the queue of Airflow's workers (secret)"
    )
    airflow_admin_password: SecretStr | None = Field(
        None, description="password of Airflow's administrator, user admin (secret)"
    )
    airflow_fernet_key: SecretStr | None = Field(
        None, description="key with which Airflow encrypts its connections and variables (secret)"
    )
    airflow_jwt_secret: SecretStr | None = Field(
        None, description="key with which Airflow signs its tokens (secret)"
    )
    airflow_api_secret_key: SecretStr | None = Field(
        None, description="key with which Airflow signs its web sessions (secret)"
    )
    tls_key: SecretStr | None = Field(
        None, description="what the key of the certificate in worker.certificate is made from (secret)"
    )
    cloudbeaver_admin_password: SecretStr | None = Field(
        None, description="password of CloudBeaver's administrator, dataops_admin (secret)"
    )
    notification_urls: SecretStr | None = Field(
        None, description="where notifications go: TAG=URL, several divided by blanks (secret)"
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
