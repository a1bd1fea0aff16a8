"""An environment's stack: its Compose files, with the names, ports and secrets of the environment."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from dataops_cli.docker_api import Engine, engine_place
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.project import Project
from dataops_cli.release import RELEASE, release_of
from dataops_cli.settings import secrets
from dataops_cli.settings.layers import SETTINGS_FROM, UNKNOWN_SETTINGS, variable
from dataops_cli.settings.load import Environment
from dataops_cli.settings.variables import as_variables
from dataops_cli.stack.certificate import as_line, key_and_certificate
from dataops_cli.stack.config_hash import secrets_hash
from dataops_cli.stack.env_file import read_env_file
from dataops_cli.stack.load import load_stack
from dataops_cli.stack.model import Stack
from dataops_cli.stack.secret_files import secret_contents

# The ports of the environment without an offset.
PORTS = {
    "SQLSERVER_PORT": 1433,
    "POSTGRES_PORT": 5432,
    "REDIS_TLS_PORT": 6380,
    "AIRFLOW_PORT": 8080,
    "EXECUTION_PORT": 8443,
    "CLOUDBEAVER_PORT": 8978,
}
# Over the environment's own files where it has workers on other machines.
FOR_WORKERS = "compose/workers.yml"
# What the stack's SQL Server is called within the stack, for which the settings have an address of the engine's.
SQL_SERVER = {"warehouse.server": "sqlserver", "warehouse.port": 1433}


@dataclass(frozen=True)
class EnvironmentStack:
    """What `up` needs: the stack, and the content of its secrets by service, then by secret."""

    stack: Stack
    secrets: Mapping[str, Mapping[str, bytes]]

    def fingerprints(self) -> dict[str, str]:
        return {
            service: secrets_hash(self.stack.name, service, contents)
            for service, contents in self.secrets.items()
            if contents
        }


def require_stack(environment: Environment) -> str:
    """The Compose project's name. Raises UsageError where the environment has no stack."""
    if not environment.settings.stack.enabled:
        raise UsageError(
            f"The environment {environment.name} has no stack (stack.enabled is false)",
            hint="Name one that has: --env dev",
        )
    return environment.settings.stack.name or f"dataops-{environment.name}"


def prefix_of(environment: Environment) -> str:
    """What the names of the environment's containers, networks and volumes begin with."""
    prefix = environment.settings.stack.prefix
    return f"{environment.name}-" if prefix is None else prefix


def load_environment_stack(
    project: Project, environment: Environment, profiles: Collection[str] = (), *, release: str | None = None
) -> Stack:
    """The environment's Compose files, loaded, with its profiles and those given; as `release`, where it is one."""
    files = [FOR_WORKERS] if environment.settings.worker.host else []
    told = inside(environment) | ({RELEASE: release} if release else {})
    return load(project, environment, require_stack(environment), files, profiles, told, release=release)


def load(
    project: Project,
    environment: Environment,
    name: str,
    files: Sequence[str],
    profiles: Collection[str],
    told: Mapping[str, str],
    *,
    release: str | None = None,
) -> Stack:
    """The environment's Compose files, with `files` over them, as the project `name`.

    `release` is the tag of the platform's images where they are those of a release; else the environment is.
    `told` are the variables for a container that takes its settings from them. What the settings say about names and
    ports beats variables of the shell, which beat Compose's file `.env`.
    """
    settings = environment.settings.stack
    revision = release or release_of(project.root)
    computed = {
        "STACK_PREFIX": prefix_of(environment),
        "STACK_BIND_ADDRESS": _before_a_port(settings.bind_address),
        "IMAGE_TAG": release or environment.name,
        "REVISION": revision or "unknown",
        "PIPELINE_SCHEDULE": environment.settings.airflow.schedule or "",
        "PIPELINE_LATE_AFTER_MINUTES": str(environment.settings.airflow.late_after_minutes),
        "KEEP_LOGS_DAYS": str(environment.settings.airflow.keep_logs_days),
        "AIRFLOW_WEB_URL": _web_url(environment),
        "WORKER_HOST": environment.settings.worker.host,
        "WORKER_BIND_ADDRESS": _before_a_port(environment.settings.worker.bind_address),
    } | {key: str(port + settings.port_offset) for key, port in PORTS.items()}
    if settings.registry:
        # In a registry, an image of the platform is that of a commit, whatever environments run it.
        computed |= {
            "AIRFLOW_IMAGE": f"{settings.registry}/dataops-airflow",
            "DBT_IMAGE": f"{settings.registry}/dataops-dbt",
            "IMAGE_TAG": revision or "unknown",
        }
    file = project.root / "compose" / ".env"
    beside = read_env_file(file, os.environ, lambda _unset: None, {}) if file.is_file() else {}
    known = {**beside, **os.environ, **computed}
    if "@" in known.get("PIP_INDEX_URL", ""):
        raise UsageError(
            "PIP_INDEX_URL has a user or a password in it, which would stay in the images that are built",
            hint="Name a mirror that asks for none, or unset it for this command.",
        )
    stack = load_stack(
        [project.root / file for file in [*settings.files, *files]],
        variables=known,
        profiles=[*settings.profiles, *profiles],
        name=name,
    )
    for service in stack.services.values():
        if SETTINGS_FROM in service.get("environment", {}):
            service["environment"] |= told
    return stack


def _web_url(environment: Environment) -> str:
    """Airflow's address for people who read notifications."""
    settings = environment.settings
    own = f"http://{_before_a_port(settings.stack.bind_address)}:{PORTS['AIRFLOW_PORT'] + settings.stack.port_offset}"
    return settings.notifications.airflow_url or own


def _before_a_port(address: str) -> str:
    """An address as Compose files have it where a port follows."""
    return f"[{address}]" if ":" in address else address


def inside(environment: Environment, sql_server: Mapping[str, object] = SQL_SERVER) -> dict[str, str]:
    """The settings as variables, for the CLI in a container. No secret is among them.

    `sql_server` is where the container finds the stack's own server.
    """
    changes: dict[str, object] = {"dbt.runner": "process"}
    if environment.settings.has_own_server:
        changes |= sql_server
    return {"DATAOPS_ENV": environment.name, **as_variables(environment, changes)}


def for_a_command(environment: Environment) -> dict[str, str]:
    """The same for a command in a container that runs already. Its dataops may be an older one, as after a rollback:
    a setting that it does not know is left out there."""
    return {**inside(environment), UNKNOWN_SETTINGS: "ignored"}


def with_secrets(stack: Stack, environment: Environment) -> EnvironmentStack:
    """The stack with its secrets. Raises DataopsError (exit 3) for one that has no value."""
    variables = secrets.compose_variables(environment) | _certificate(environment)
    return EnvironmentStack(stack, {name: secret_contents(stack, name, variables) for name in stack.services})


def _certificate(environment: Environment) -> dict[str, str]:
    """The key and certificate for workers elsewhere, by their Compose variable, where there are any."""
    worker, secret = environment.settings.worker, environment.settings.secrets.tls_key
    if not worker.host or not secret:
        return {}
    key, certificate = key_and_certificate(secret.get_secret_value(), worker.host)
    return {"TLS_KEY": key.decode(), "TLS_CERTIFICATE": certificate.decode()}


def certificate_is_anothers(environment: Environment) -> bool:
    """Whether the certificate that workers elsewhere are told to trust is not the one that the stack has."""
    line, made = environment.settings.worker.certificate, _certificate(environment)
    return bool(line and made) and as_line(made["TLS_CERTIFICATE"].encode()) != line


def missing_secrets(environment: Environment, stack: Stack) -> list[str]:
    """The keys of the secrets that the stack uses and that have no value."""
    used = {secret.get("environment") for secret in stack.secrets.values()}
    return [key for key in secrets.missing(environment) if secrets.COMPOSE_VARIABLES[key] in used]


def refuse_binds(engine: Engine, stack: Stack) -> None:
    """Raises DataopsError where containers of a remote engine are to see folders of this machine."""
    if not engine.remote:
        return
    for name, service in stack.services.items():
        for mount in service.get("volumes", []):
            if mount["type"] == "bind":
                raise DataopsError(
                    f"Service {name} mounts {mount['source']}, which the engine of {engine_place()} "
                    "does not see: it is on another machine",
                    hint="Use an environment whose files mount nothing (compose/release.yml), "
                    "or an engine on this machine.",
                    exit_code=ExitCode.REFUSED,
                )


def generate_first_secrets(
    project: Project, environment: Environment, stack: Stack, engine: Engine
) -> list[str]:
    """Make all secrets that are missing, where the stack has no volume yet; returns their keys.

    `stack` is the whole one, also when a part of it is to be brought up: the rest needs its secrets later. A volume holds the password of its first start: a second operator must be given it, not invent another.
    Raises DataopsError (exit 3) that names what is missing and how to supply it.
    """
    refuse_after_first_start(project, environment, stack, engine, missing_secrets(environment, stack))
    keys = secrets.missing(environment)
    secrets.add(secrets.secrets_file(project, environment.name), keys)
    return keys


def refuse_after_first_start(
    project: Project, environment: Environment, stack: Stack, engine: Engine, keys: Sequence[str]
) -> None:
    """Raises DataopsError (exit 3) where the stack has a volume, so that the secrets were made elsewhere."""
    if volumes := existing_volumes(stack, engine):
        path = secrets.secrets_file(project, environment.name)
        raise DataopsError(
            f"Missing secrets: {', '.join(keys)}. The stack has been up before (it has the volume {volumes[0]}), "
            "so they are not made up here",
            hint=f"Copy {project.relative(path)} from who made it, or set {variable(keys[0])}. For one that "
            f"is new to the stack: dataops --env {environment.name} secrets set {keys[0]}",
            exit_code=ExitCode.UNAVAILABLE,
        )


def existing_volumes(stack: Stack, engine: Engine) -> list[str]:
    """The names of the stack's volumes that the engine has."""
    return [item["name"] for item in stack.volumes.values() if engine.volume(item["name"])]
