"""The stack's secrets: which there are, made strong on first use, kept in a file of the user's own."""

from __future__ import annotations

import base64
import secrets
import stat
import string
from collections.abc import Iterable
from pathlib import Path

from pydantic import SecretStr

from dataops_cli.errors import UsageError
from dataops_cli.project import Project
from dataops_cli.settings.layers import nearest
from dataops_cli.settings.load import Environment, is_secret
from dataops_cli.settings.model import ENV_PREFIX, NESTED_DELIMITER, Secrets, known_keys
from dataops_cli.settings.secrets_file import changed

# Setting → the variable by which the Compose files know it.
COMPOSE_VARIABLES = {f"secrets.{name}": name.upper() for name in Secrets.model_fields}
# No character that a shell, a URL or a dotenv file would read as its own.
ALPHABET = string.ascii_letters + string.digits
LENGTH = 32


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


def is_set(environment: Environment, key: str) -> bool:
    return any(value.raw is not None for value in environment.history.get(key, []))


def variable(key: str) -> str:
    """The variable, and the name in the secrets file, that sets a secret."""
    return ENV_PREFIX + key.upper().replace(".", NESTED_DELIMITER)


def values(environment: Environment) -> dict[str, str]:
    """The secrets that are set, by their Compose variable."""
    found = {key: getattr(environment.settings.secrets, key.split(".")[1]) for key in COMPOSE_VARIABLES}
    return {
        COMPOSE_VARIABLES[key]: value.get_secret_value()
        for key, value in found.items()
        if isinstance(value, SecretStr)
    }


def missing(environment: Environment) -> list[str]:
    """The keys of the secrets that have no value."""
    there = values(environment)
    return [key for key, name in COMPOSE_VARIABLES.items() if name not in there]


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
