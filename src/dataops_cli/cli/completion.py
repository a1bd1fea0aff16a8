"""What the shell offers after a Tab. Reads names from files: no dbt, no Docker, no database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataops_cli.project import Project


def environment_names(incomplete: str) -> list[str]:
    project = _project()
    return [name for name in project.environment_names() if name.startswith(incomplete)] if project else []


def model_names(incomplete: str) -> list[str]:
    """Names of the models: the file names under dbt/models."""
    project = _project()
    files = sorted((project.dbt / "models").rglob("*.sql")) if project else []
    return [path.stem for path in files if path.stem.startswith(incomplete)]


def layer_names(incomplete: str) -> list[str]:
    from dataops_cli.layers import LAYERS

    return [layer for layer in LAYERS if layer.startswith(incomplete)]


def run_ids(incomplete: str) -> list[str]:
    """Identifiers of the runs of every environment, newest first."""
    project = _project()
    folders: list[Path] = sorted((project.root / ".dataops").glob("*/runs/*")) if project else []
    return [folder.name for folder in reversed(folders) if folder.name.startswith(incomplete)]


def _project() -> Project | None:
    from dataops_cli.errors import DataopsError
    from dataops_cli.project import find_project

    try:
        return find_project()
    except DataopsError:
        return None


def setting_keys(incomplete: str) -> list[str]:
    from dataops_cli.settings.model import known_keys

    return [key for key in known_keys() if key.startswith(incomplete)]


def secret_keys(incomplete: str) -> list[str]:
    from dataops_cli.settings import secrets

    return [key for key in secrets.secret_keys() if key.startswith(incomplete)]


def notification_events(incomplete: str) -> list[str]:
    from dataops_cli.notifications.events import Event

    return [event.value for event in Event if event.startswith(incomplete)]


def service_names(incomplete: str) -> list[str]:
    """The services of the platform's Compose files, whatever environment has them."""
    from dataops_cli.errors import DataopsError
    from dataops_cli.stack.yaml_source import parse

    names: dict[str, None] = {}
    project = _project()
    for path in sorted((project.root / "compose").glob("*.yml")) if project else []:
        try:
            names |= dict.fromkeys(parse(path.read_text(encoding="utf-8"), path.name).values["services"])
        except (DataopsError, OSError, UnicodeDecodeError, KeyError, TypeError):
            continue  # a Tab is no place for an error
    return [name for name in names if name.startswith(incomplete)]
