"""`dataops stop`: the stack's containers as they are."""

from __future__ import annotations

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.recording import audited
from dataops_cli.cli.stack_options import PlanOption, Services, apply_lifecycle_plan

app = typer.Typer(
    add_completion=False, help="Stop the stack's containers, dependents first; nothing is removed."
)


@command(app)
@audited
def stop(app: Application, services: Services = None, plan: PlanOption = False) -> None:
    """Stop the stack's containers, dependents first; nothing is removed."""
    from dataops_cli.stack.reconcile import Action

    apply_lifecycle_plan(app, Action.STOP, services, plan=plan)
