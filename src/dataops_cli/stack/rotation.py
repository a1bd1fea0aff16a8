"""Replacing secrets, also where a service keeps its own copy of one.

The new secrets file is written beside the old one, then the database's password is changed, then one rename
puts the file in place. A kill between the last two leaves the database with a password that nobody knows;
rotating again mends that, because the database is changed over its own socket, where it asks for none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.project import Project
from dataops_cli.settings import secrets
from dataops_cli.settings.layers import variable
from dataops_cli.settings.load import Environment
from dataops_cli.settings.secrets_file import changed
from dataops_cli.stack.database import Database, running_database
from dataops_cli.stack.environment import existing_volumes, load_environment_stack

POSTGRES_KEY = "secrets.postgres_password"
# What cannot be replaced from here once a volume holds it: who holds it, and the steps that replace it.
# `{env}` is the environment. Source of Airflow's steps: its documentation, "Rotating encryption keys".
_SET = "dataops --env {env} secrets set {key}"
_UP = "dataops --env {env} up"
KEPT_ELSEWHERE = {
    "secrets.sqlserver_sa_password": (
        "SQL Server keeps it in its volume",
        (
            "dataops --env {env} exec sqlserver -- /opt/mssql-tools18/bin/sqlcmd -C -S 127.0.0.1 -U sa",
            "ALTER LOGIN sa WITH PASSWORD = N'…'",
            "GO",
            _SET,
            _UP,
        ),
    ),
    "secrets.airflow_fernet_key": (
        "Airflow could no longer read the connections and variables that it encrypted with it",
        (
            _SET + "   # a new key, a comma, the key until now",
            _UP,
            "dataops --env {env} exec airflow-scheduler -- airflow rotate-fernet-key",
            _SET + "   # the new key alone",
            _UP,
        ),
    ),
    "secrets.cloudbeaver_admin_password": (
        "CloudBeaver keeps it in its volume",
        ("In CloudBeaver, as dataops_admin: change the password in the user's profile", _SET, _UP),
    ),
}
LOGIN = (
    "The warehouse's SQL Server keeps it",
    (_SET, "dataops --env {env} source grants   # gives the login its new password"),
)


@dataclass(frozen=True)
class Rotation:
    """What will be replaced. `database` is the one that holds a copy, which is changed first, or None."""

    keys: tuple[str, ...]
    database: Database | None = None

    def causes(self) -> dict[str, str]:
        """For each key, in words, where it is replaced."""
        return {
            key: "in the running database, then in the secrets file"
            if key == POSTGRES_KEY and self.database
            else "in the secrets file"
            for key in self.keys
        }


def plan_rotation(
    project: Project, environment: Environment, keys: Sequence[str], connect: Callable[[], Engine]
) -> Rotation:
    """Check that every key can be replaced. The engine is asked only for what a volume may hold.

    Raises UsageError for a key that is no secret; DataopsError (exit 3) for one without a value and where the
    database does not run; (exit 5) for one that does not come from the secrets file or is kept elsewhere.
    """
    keys = tuple(dict.fromkeys(keys))
    for key in keys:
        secrets.require_secret(key)
        _require_in_file(project, environment, key)
        if key in secrets.LOGINS:
            reason, steps = LOGIN
            up = (_UP,) if environment.settings.stack.enabled else ()
            raise _kept_elsewhere(environment, key, reason, (*steps, *up))
    kept = [key for key in keys if key == POSTGRES_KEY or key in KEPT_ELSEWHERE]
    if not (kept and environment.settings.stack.enabled):
        return Rotation(keys)
    stack = load_environment_stack(project, environment)
    engine = connect()
    if not existing_volumes(stack, engine):
        return Rotation(keys)
    for key in kept:
        if key in KEPT_ELSEWHERE:
            raise _kept_elsewhere(environment, key, *KEPT_ELSEWHERE[key])
    database = running_database(engine, stack.name)
    if database is None:
        raise DataopsError(
            f"The database holds its own copy of {POSTGRES_KEY}, and it does not run",
            hint=f"Start it: dataops --env {environment.name} up",
            exit_code=ExitCode.UNAVAILABLE,
        )
    return Rotation(keys, database)


def rotate(project: Project, environment: Environment, rotation: Rotation) -> None:
    """Give every key a fresh value; what was there before is kept nowhere."""
    fresh = {key: secrets.fresh(key) for key in rotation.keys}
    path = secrets.secrets_file(project, environment.name)
    with changed(path, {variable(key): value for key, value in fresh.items()}):
        if rotation.database:
            rotation.database.change_password(fresh[POSTGRES_KEY])


def _require_in_file(project: Project, environment: Environment, key: str) -> None:
    if not secrets.is_set(environment, key):
        raise DataopsError(
            f"{key} has no value yet",
            hint=f"Make one: dataops --env {environment.name} secrets generate {key}",
            exit_code=ExitCode.UNAVAILABLE,
        )
    origin = environment.origin(key)
    file = project.relative(secrets.secrets_file(project, environment.name))
    if not origin.startswith(f"{file} "):
        raise DataopsError(
            f"{key} comes from {origin}, not from {file}, so a new value there would have no effect",
            hint="Change it where it comes from.",
            exit_code=ExitCode.REFUSED,
        )


def _kept_elsewhere(environment: Environment, key: str, reason: str, steps: Sequence[str]) -> DataopsError:
    return DataopsError(
        f"{key} cannot be replaced in the file alone: {reason}",
        details=tuple(step.format(env=environment.name, key=key) for step in steps),
        hint="Replace it with the steps above, in this order.",
        exit_code=ExitCode.REFUSED,
    )
