"""The stack's secrets: which there are, made strong on first use, kept in a file of the user's own."""

from __future__ import annotations

import base64
import os
import secrets
import stat
import string
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path

from pydantic import SecretStr

from dataops_cli.errors import UsageError
from dataops_cli.project import Project
from dataops_cli.settings.layers import nearest, secret_file_name, variable
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import is_secret, known_keys
from dataops_cli.settings.secrets_file import changed

# Setting → the variable by which the Compose files know it: those of the stack's services first.
COMPOSE_VARIABLES = {
    key: secret_file_name(key).upper()
    for key in sorted(known_keys(), key=lambda key: not key.startswith("secrets."))
    if is_secret(key)
}
# The password of SQL Server's administrator.
ADMINISTRATOR = "secrets.sqlserver_sa_password"
# Logins of the warehouse: SQL Server has a copy, which `dataops source grants` renews.
LOGINS = ("warehouse.password", "warehouse.reader_password")
# What no container may use yet, such as the login of BI tools: made where the other one is.
MADE_WITH = {
    "warehouse.reader_password": "warehouse.password",
    "secrets.tls_key": "secrets.redis_password",
}
# What only people know. Nothing needs it: a container gets an empty file where it has no value.
GIVEN = frozenset({"secrets.notification_urls"})
# No character that a shell, a URL or a dotenv file would read as its own.
ALPHABET = string.ascii_letters + string.digits
LENGTH = 32
# Services that keep a copy, which a new value in the file does not change.
KEEPS_ITS_OWN = {
    "secrets.postgres_password": "The metadata database",
    ADMINISTRATOR: "SQL Server",
    "secrets.cloudbeaver_admin_password": "CloudBeaver",
}


def secrets_file(project: Project, environment: str) -> Path:
    return project.environments / f"{environment}.secrets.env"


def secret_keys() -> list[str]:
    """The dotted keys of all secret settings, also of those outside the section `secrets`."""
    return [key for key in known_keys() if is_secret(key)]


def require_secret(key: str) -> None:
    """Raises UsageError where the key is no secret setting."""
    if key in secret_keys():
        return
    if key in known_keys():
        raise UsageError(
            f"The setting {key} is no secret",
            hint="Set it in environments/base.toml or environments/<env>.toml.",
        )
    meant = nearest(key, secret_keys())
    raise UsageError(
        f"There is no secret setting {key}",
        hint=f"Did you mean {meant}?" if meant else "Every secret: dataops secrets list",
    )


def keeper(environment: Environment, key: str) -> str | None:
    """The service of the environment's stack that keeps a copy of a secret, if there is one."""
    settings = environment.settings
    keeps = settings.has_own_server if key == ADMINISTRATOR else settings.stack.enabled
    return KEEPS_ITS_OWN.get(key) if keeps else None


def is_anothers(environment: Environment, key: str) -> bool:
    """Whether a secret is that of a server that is none of the environment's stack, and can be changed there only."""
    return key == ADMINISTRATOR and not environment.settings.has_own_server


def is_set(environment: Environment, key: str) -> bool:
    """Whether a secret has a value; an empty one, as CI gives for a secret that it lacks, is none."""
    values = environment.history.get(key, [])
    return bool(values) and values[0].raw not in (None, "")


def values(environment: Environment) -> dict[str, str]:
    """The secrets that are set, by their Compose variable."""
    found = {key: attrgetter(key)(environment.settings) for key in COMPOSE_VARIABLES}
    return {
        COMPOSE_VARIABLES[key]: value.get_secret_value()
        for key, value in found.items()
        if isinstance(value, SecretStr) and value.get_secret_value()
    }


def compose_variables(environment: Environment) -> dict[str, str]:
    """The variables by which containers get their secrets: the environment's values beat those of the shell."""
    empty = {COMPOSE_VARIABLES[key]: "" for key in GIVEN}
    return {**empty, **os.environ, **values(environment)}


def missing(environment: Environment) -> list[str]:
    """The keys of the secrets that have no value and are needed somewhere."""
    there = values(environment)
    return [key for key, name in COMPOSE_VARIABLES.items() if name not in there and key not in GIVEN]


def password() -> str:
    """A fresh password: some 190 bits, with the three kinds of characters that SQL Server asks for.

    Source: Microsoft, "Password policy": eight characters or more, of three out of four kinds.
    """
    while True:
        text = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        if (
            any(c.islower() for c in text)
            and any(c.isupper() for c in text)
            and any(c.isdigit() for c in text)
        ):
            return text


def require_strength(key: str, value: str) -> None:
    """Raises UsageError for a password of SQL Server's that its policy refuses. Source: `password`."""
    kinds = (str.islower, str.isupper, str.isdigit, lambda character: not character.isalnum())
    if key in (ADMINISTRATOR, *LOGINS) and (
        len(value) < 8 or sum(any(kind(character) for character in value) for kind in kinds) < 3
    ):
        raise UsageError(
            "SQL Server takes a password of eight characters or more, with three of the four kinds: "
            "lower case, upper case, digits, others",
            hint=f"Type another one, or let one be made: dataops secrets generate {key}",
        )


def fresh(key: str) -> str:
    """A new value for a secret: a password, or a key in the form that its reader asks for.

    Source: the specification of Fernet: 32 random bytes in URL-safe base64.
    """
    if key == "secrets.airflow_fernet_key":
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return password()


def add(path: Path, keys: Iterable[str]) -> None:
    """Give every key a fresh value in the secrets file, whole or not at all, readable for its owner only.

    What the file says already stays as it is. Raises DataopsError where it cannot be written.
    """
    with changed(path, {variable(key): fresh(key) for key in keys}, replace=False):
        pass


def put(path: Path, key: str, value: str) -> None:
    """Set one secret in the secrets file. Raises UsageError for a value that the file cannot hold."""
    with changed(path, {variable(key): value}):
        pass


def others_can_read(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
