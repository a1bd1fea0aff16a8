"""From layers to settings, keeping for every value where it came from and what it shadows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from dataops_cli.errors import DataopsError, UsageError
from dataops_cli.project import Project
from dataops_cli.settings.certificates import verified
from dataops_cli.settings.layers import (
    SETTINGS_FROM,
    Layer,
    Value,
    environment_layer,
    nearest,
    option_layer,
    secret_files_layer,
    secrets_layer,
    toml_layer,
)
from dataops_cli.settings.model import Settings, is_secret

REDACTED = "********"


@dataclass(frozen=True)
class Environment:
    """One environment of a platform: its settings, and for each key its values, the one in force first."""

    name: str
    settings: Settings
    history: Mapping[str, list[Value]]

    def shown(self, key: str) -> Any:
        """The value of a dotted key as it may be printed: secrets are redacted."""
        value: Any = self.settings
        for part in key.split("."):
            value = getattr(value, part)
        return REDACTED if isinstance(value, SecretStr) else value

    def origin(self, key: str) -> str:
        values = self.history.get(key)
        return values[0].origin if values else "default"


def load_environment(
    project: Project,
    name: str,
    options: Mapping[str, tuple[str, Any]] | None = None,
    *,
    secrets_of: Project | None = None,
) -> Environment:
    """The settings of environment `name`. Raises UsageError with file and line for anything wrong.

    Where DATAOPS_SETTINGS_FROM is `variables`, an environment needs no file. `secrets_of` is the platform whose
    secrets they are, where this one is a commit's files, which have none.
    """
    secrets_file = (secrets_of or project).environments / f"{name}.secrets.env"
    names = project.environment_names()
    if name not in names and os.environ.get(SETTINGS_FROM) != "variables":
        meant = nearest(name, names)
        raise UsageError(
            f"There is no environment {name!r}: no file environments/{name}.toml",
            hint=f"Did you mean {meant}? " * bool(meant) + f"There are: {', '.join(names) or 'none'}",
        )
    layers = [
        toml_layer(project.environments / "base.toml", "environments/base.toml"),
        toml_layer(project.environments / f"{name}.toml", f"environments/{name}.toml")
        if name in names
        else {},
        secrets_layer(secrets_file, f"environments/{name}.secrets.env"),
        secret_files_layer(),
        environment_layer(),
        option_layer(options or {}),
    ]
    history: dict[str, list[Value]] = {}
    for layer in reversed(layers):
        for key, value in layer.items():
            history.setdefault(key, []).append(value)
    return verified(Environment(name, _settings(layers, history), history))


def load_environments(project: Project) -> tuple[dict[str, Environment], list[str]]:
    """Every environment that is right, by name, and the faults of the others, each with its place."""
    loaded: dict[str, Environment] = {}
    faults: dict[str, None] = {}  # one of base.toml is each environment's
    for name in project.environment_names():
        try:
            loaded[name] = load_environment(project, name)
        except DataopsError as error:
            meant = f" ({error.hint})" if error.hint.startswith("Did you mean") else ""
            faults |= dict.fromkeys(error.details or (error.reason + meant,))
    return loaded, list(faults)


class _LayerSource(PydanticBaseSettingsSource):
    """One layer, in the nested form that pydantic-settings merges."""

    def __init__(self, layer: Layer) -> None:
        super().__init__(Settings)
        self._layer = layer

    def get_field_value(self, _field: Any, field_name: str) -> tuple[Any, str, bool]:
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        nested: dict[str, Any] = {}
        for key, value in self._layer.items():
            *path, last = key.split(".")
            here = nested
            for part in path:
                here = here.setdefault(part, {})
            here[last] = value.raw
        return nested


def _settings(layers: list[Layer], history: Mapping[str, list[Value]]) -> Settings:
    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(_LayerSource(layer) for layer in reversed(layers))

    try:
        return Layered()
    except ValidationError as error:
        faults = tuple(_fault(dict(fault), history) for fault in error.errors(include_url=False))
        raise UsageError(
            faults[0] if len(faults) == 1 else f"{len(faults)} settings are wrong",
            hint="Mend it there; what a setting means: dataops config explain KEY",
            details=faults if len(faults) > 1 else (),
        ) from None


def _fault(fault: dict[str, Any], history: Mapping[str, list[Value]]) -> str:
    key = ".".join(str(part) for part in fault["loc"])
    message = str(fault["msg"]).removeprefix("Value error, ")
    if key not in history:
        # A rule over several keys: name the first place that took part in it.
        origins = [values[0].origin for name, values in history.items() if name.startswith(key + ".")]
        return f"{origins[0] if origins else 'settings'}: {message}"
    value = history[key][0]
    got = "" if is_secret(key) else f" (it is {value.raw!r})"
    return f"{value.origin}: {key}: {message[0].lower()}{message[1:]}{got}"
