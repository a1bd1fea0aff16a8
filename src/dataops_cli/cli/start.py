"""`dataops start`: the stack's containers as they are."""

from __future__ import annotations

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.stack_options import PlanOption, Services, chosen, show_plan

app = typer.Typer(add_completion=False, help="Start the stack's containers that exist.")


@command(app)
def start(app: Application, services: Services = None, plan: PlanOption = False) -> None:
    """Start the stack's containers that exist."""
    from dataops_cli import docker_api
    from dataops_cli.stack.environment import require_stack
    from dataops_cli.stack.execute import apply_lifecycle
    from dataops_cli.stack.observe import observe_containers
    from dataops_cli.stack.reconcile import Action, plan_lifecycle

    engine = docker_api.connect()
    found = chosen(observe_containers(engine, require_stack(app.environment)), services)
    operations = plan_lifecycle(Action.START, found)
    if not plan:
        apply_lifecycle(engine, operations, lambda subject, text: app.console.detail(f"{subject}: {text}"))
    show_plan(app, operations, "Nothing to start.")
