"""Which secrets may be made, and which exist somewhere already."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.project import Project
from dataops_cli.settings import secrets
from dataops_cli.settings.load import Environment
from dataops_cli.stack.environment import load_environment_stack, refuse_after_first_start
from dataops_cli.stack.model import Stack


def keys_to_generate(
    project: Project, environment: Environment, keys: Sequence[str] | None, connect: Callable[[], Engine]
) -> list[str]:
    """The named keys, or all that the stack misses, once it is sure that they have a value nowhere.

    Raises UsageError for a key that is no secret; DataopsError (exit 5) for one that is set, and (exit 3)
    where the stack has a volume, which was made with them.
    """
    for key in keys or ():
        secrets.require_secret(key)
        if secrets.is_set(environment, key):
            raise DataopsError(
                f"{key} is set already, by {environment.origin(key)}",
                hint=f"Replace it with: dataops --env {environment.name} secrets rotate {key}",
                exit_code=ExitCode.REFUSED,
            )
    if keys and not environment.settings.stack.enabled:
        return list(dict.fromkeys(keys))
    stack = load_environment_stack(project, environment)
    chosen = list(dict.fromkeys(keys)) if keys else _missing(environment, stack)
    if chosen:
        refuse_after_first_start(project, environment, stack, connect(), chosen)
    return chosen


def _missing(environment: Environment, stack: Stack) -> list[str]:
    """What the stack's containers need, and the logins that go with it."""
    used = {secret.get("environment") for secret in stack.secrets.values()}
    variables = secrets.COMPOSE_VARIABLES
    return [key for key in secrets.missing(environment) if variables[secrets.MADE_WITH.get(key, key)] in used]
