"""Where a server's certificate may go unverified: in development, where nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataops_cli.errors import UsageError

if TYPE_CHECKING:
    from dataops_cli.settings.load import Environment

KEY = "warehouse.trust_server_certificate"
DEVELOPMENT = frozenset({"local", "ci", "dev"})
DEVELOPMENT_PREFIX = "dev-"


def is_development(name: str) -> bool:
    """Whether an environment is one in which nothing is lost: local, ci, dev and every name that begins with dev-."""
    return name in DEVELOPMENT or name.startswith(DEVELOPMENT_PREFIX)


def verified(environment: Environment) -> Environment:
    """The environment as it is. Raises UsageError where it trusts any certificate, and is none of development."""
    name = environment.name
    trusts = environment.settings.warehouse.trust_server_certificate
    if trusts and not is_development(name):
        raise UsageError(
            f"{environment.origin(KEY)}: {KEY} is true, which the environment {name} must not have: whoever is "
            "between here and SQL Server could read its passwords",
            hint="Set it to false, and give the server a certificate of an authority that this machine trusts, "
            "for the name in warehouse.server. In development, which is local, ci, dev and every name that begins "
            "with dev-, it may be true.",
        )
    return environment
