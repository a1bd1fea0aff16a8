"""`dataops ps`: the stack's containers."""

from __future__ import annotations

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.stack_options import Services, chosen, document

app = typer.Typer(add_completion=False, help="List the stack's containers with their state and health.")


@command(app)
def ps(app: Application, services: Services = None) -> None:
    """List the stack's containers with their state and health."""
    from dataops_cli import docker_api
    from dataops_cli.console import table
    from dataops_cli.stack.environment import require_stack
    from dataops_cli.stack.observe import observe_containers

    project = require_stack(app.environment)
    found = chosen(observe_containers(docker_api.connect(), project), services)
    if not found:
        app.console.result([], f"No containers. Bring the stack up with: {app.hint('up')}")
        return
    rows = [[item.service, item.name, item.status, " ".join(item.ports), item.image] for item in found]
    app.console.result(
        [document(item) for item in found], table(["service", "name", "status", "ports", "image"], rows)
    )
