"""All that the report shows, as one document that JSON can carry."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dataops_cli.report.gold import read_gold, require_models
from dataops_cli.report.platform import read_platform
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Settings
from dataops_cli.warehouse.query import open_session

# The state of the platform alone, as the container is asked for it where gold is read from here.
PLATFORM, ALL = "platform", "all"


def collect(environment: Environment, home: Path, *, names: bool, part: str = ALL) -> dict[str, Any]:
    """`environment`, `engine`, `collected_at`, `platform` and, unless only that is asked for, `gold`.

    Raises DataopsError (exit 3) where nothing is published, or the warehouse cannot be reached.
    """
    settings = environment.settings
    platform = read_platform(settings, home)
    require_models(platform["published"]["rows"])
    document = {
        "environment": environment.name,
        "engine": settings.warehouse.engine.value,
        "collected_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "platform": platform,
    }
    return document if part == PLATFORM else with_gold(document, settings, home, names=names)


def with_gold(document: dict[str, Any], settings: Settings, home: Path, *, names: bool) -> dict[str, Any]:
    """The document with what gold says, read as a consumer reads it."""
    with open_session(settings, home) as session:
        return document | {"gold": read_gold(session, names=names)}
