"""`dataops audit`: who changed what."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command

app = typer.Typer(add_completion=False)


@command(app)
def audit(
    app: Application,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The newest N.")] = 20,
) -> None:
    """List the commands that changed the environment, with their outcome.

    The newest comes first, with who ran it, when, why and from where.
    """
    from dataops_cli import docker_api
    from dataops_cli.console import table
    from dataops_cli.stack.audit import Documents, Files, entries
    from dataops_cli.stack.state import state_of

    places: list[Documents] = [Files(app.project.state(app.environment.name))]
    if app.environment.settings.stack.enabled:
        places.append(state_of(docker_api.connect(), app.environment))
    found = entries(places)[:limit]
    columns = ["at", "who", "command", "outcome", "seconds", "reason", "folder", "release"]
    rows = [
        [
            item.at,
            f"{item.user}@{item.host}",
            item.command,
            "has not ended" if item.exit_code is None else f"exit {item.exit_code}",
            item.seconds,
            item.reason,
            item.folder,
            item.release,
        ]
        for item in found
    ]
    app.console.result(
        [asdict(item) for item in found], table(columns, rows) if rows else "No command has changed anything."
    )
