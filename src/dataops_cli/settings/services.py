"""Settings of the stack, its services and what is done to them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, field_validator

from dataops_cli.settings.section import Section


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
