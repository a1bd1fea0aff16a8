"""Where a report's contents come from: this process, dbt's container, the checks of `dataops health`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataops_cli.errors import DataopsError
from dataops_cli.report.collect import ALL, PLATFORM, collect, with_gold
from dataops_cli.settings.model import Engine, Runner

if TYPE_CHECKING:
    from dataops_cli.cli.application import Application

# Seconds that a check of the platform's health may take.
PATIENCE = 20.0


def collected(app: Application, *, names: bool) -> dict[str, Any]:
    """What the report shows. Where dbt runs in a container, the runs are there, and an embedded warehouse too;
    SQL Server is read from here, as the reader, whose password no container has."""
    settings, home = app.environment.settings, app.project.state(app.environment.name)
    if settings.dbt.runner is Runner.PROCESS:
        return collect(app.environment, home, names=names)
    embedded = settings.warehouse.engine is Engine.DUCKDB
    document = _asked(app, ALL if embedded else PLATFORM, names=names)
    return document if embedded else with_gold(document, settings, home, names=names)


def health_of(app: Application) -> dict[str, Any] | None:
    """As `dataops health --json` says it; None, with a warning, where it cannot be looked at."""
    from dataops_cli.cli.health_looking import Looking
    from dataops_cli.health.report import document

    try:
        outcomes = Looking.prepare(app, (), (), PATIENCE).once()
    except DataopsError as error:
        app.console.warn(f"The report has no health: {error.reason}", error.hint)
        return None
    return document(outcomes, app.environment_name)


def _asked(app: Application, part: str, *, names: bool) -> dict[str, Any]:
    """What dbt's container collects. Raises DataopsError where it cannot."""
    from dataops_cli import docker_api
    from dataops_cli.stack.dbt_document import ask_dbt_container

    command = ["report", "--collect", part, *(["--names"] if names else [])]
    return ask_dbt_container(docker_api.connect(), app.project, app.environment, command, "platform")
