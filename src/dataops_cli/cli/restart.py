"""`dataops restart`: the stack's containers as they are."""

from __future__ import annotations

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.recording import audited
from dataops_cli.cli.stack_options import PlanOption, Services, apply_lifecycle_plan

app = typer.Typer(add_completion=False, help="Restart the stack's containers.")


@command(app)
@audited
def restart(app: Application, services: Services = None, plan: PlanOption = False) -> None:
    """Restart the stack's containers."""
    from dataops_cli.stack.reconcile import Action

    apply_lifecycle_plan(app, Action.RESTART, services, plan=plan)
