"""The stack's secrets: which there are, made strong on first use, kept in a file of the user's own."""

from __future__ import annotations

import os
import secrets
import stat
import string
from collections.abc import Iterable
from pathlib import Path

from pydantic import SecretStr

from dataops_cli.files import explained, sync_folder
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import ENV_PREFIX, NESTED_DELIMITER

# Setting → the variable by which the Compose files know it.
COMPOSE_VARIABLES = {
    "secrets.sqlserver_sa_password": "SQLSERVER_SA_PASSWORD",
    "secrets.postgres_password": "POSTGRES_PASSWORD",
}
# No character that a shell, a URL or a dotenv file would read as its own.
ALPHABET = string.ascii_letters + string.digits
LENGTH = 32


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


def add(path: Path, keys: Iterable[str]) -> None:
    """Give every key a fresh password in the secrets file, whole or not at all, readable for its owner only.

    What the file says already stays as it is. Raises DataopsError where it cannot be written.
    """
    with explained(path):
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if before and not before.endswith("\n"):
            before += "\n"
        text = before + "".join(f"{variable(key)}='{password()}'\n" for key in keys)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def others_can_read(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
