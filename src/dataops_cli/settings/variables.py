"""An environment's settings as variables, for a process that has no settings file."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from operator import attrgetter
from typing import Any

from dataops_cli.settings.layers import SETTINGS_FROM, variable
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import is_secret, known_keys

# What only the CLI outside needs: it is each operator's own, and must not make containers anew.
OF_THE_STACK = (
    "stack.",
    "worker.",
    "secrets.",
    "airflow.",
    "backup.",
    "deploy.branch",
    "deploy.hook_timeout",
    "description",
)


def as_variables(environment: Environment, changes: Mapping[str, Any]) -> dict[str, str]:
    """The variables that set what is set, with `changes` by key. A secret is never among them, nor a default:
    it is one everywhere, and another version of the CLI may not know the setting."""
    values = {
        key: attrgetter(key)(environment.settings)
        for key in known_keys()
        if not is_secret(key) and not key.startswith(OF_THE_STACK) and environment.history.get(key)
    }
    found = {variable(key): _text(value) for key, value in {**values, **changes}.items() if value is not None}
    return {SETTINGS_FROM: "variables", **found}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value.value if isinstance(value, Enum) else value)
