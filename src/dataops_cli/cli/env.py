"""`dataops env`: which environments there are."""

from __future__ import annotations

from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.completion import environment_names

app = typer.Typer(add_completion=False, help="List the environments, or show one.", no_args_is_help=True)


@command(app, "list")
def list_environments(app: Application) -> None:
    """List the environments of the platform."""
    from dataops_cli.console import table
    from dataops_cli.settings.load import load_environment

    rows = []
    for name in app.project.environment_names():
        settings = load_environment(app.project, name).settings
        rows.append(
            {
                "name": name,
                "warehouse": settings.warehouse.engine,
                "dbt_runs_in": settings.dbt.runner,
                "stack": settings.stack.enabled,
                "description": settings.description,
            }
        )
    columns = ["name", "warehouse", "dbt_runs_in", "stack", "description"]
    app.console.result(rows, table(columns, [list(row.values()) for row in rows]))


@command(app)
def show(
    app: Application,
    name: Annotated[
        str | None,
        typer.Argument(help="Environment (default: that of --env).", autocompletion=environment_names),
    ] = None,
) -> None:
    """Show one environment: its choices, its files and its state."""
    from dataops_cli.console import table
    from dataops_cli.settings.load import load_environment

    environment = load_environment(app.project, name) if name else app.environment
    settings, project = environment.settings, app.project
    facts = {
        "name": environment.name,
        "description": settings.description,
        "warehouse": settings.warehouse.engine.value,
        "dbt_runs_in": settings.dbt.runner.value,
        "stack": settings.stack.enabled,
        "settings_file": project.relative(project.environments / f"{environment.name}.toml"),
        "secrets_file": project.relative(project.environments / f"{environment.name}.secrets.env"),
        "state": project.relative(project.state(environment.name)),
    }
    app.console.result(facts, table(["", ""], [[key, value] for key, value in facts.items()]))
