"""`dataops pull`: the stack's images."""

from __future__ import annotations

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.stack_options import PlanOption, Profiles, Services, apply_image_plan

app = typer.Typer(add_completion=False, help="Pull the stack's images.")


@command(app)
def pull(
    app: Application, services: Services = None, plan: PlanOption = False, profiles: Profiles = None
) -> None:
    """Pull the stack's images."""
    from dataops_cli.stack.reconcile import Action

    apply_image_plan(app, Action.PULL, services or (), profiles or (), plan=plan)
