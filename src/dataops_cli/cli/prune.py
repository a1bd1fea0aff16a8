"""`dataops prune`: what is kept no longer."""

from __future__ import annotations

from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command, command_line
from dataops_cli.cli.recording import audited

app = typer.Typer(add_completion=False)


@command(app, "prune")
@audited
def prune(
    app: Application,
    lock_wait: Annotated[str, typer.Option(metavar="TIME", help="Wait this long for a run to end.")] = "0s",
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.")] = False,
) -> None:
    """Remove runs and generations beyond what runs.keep and warehouse.keep_generations say.

    A run does so for itself; this is for settings that have changed, and for environments that rest.
    """
    from dataops_cli import durations
    from dataops_cli.cli.delegation import delegate
    from dataops_cli.pipeline.prune import Prune

    wait = durations.seconds(lock_wait)
    delegate(app, changes=not plan)
    pruning = Prune(app.project, app.environment, app.console)
    if plan:
        doomed = pruning.plan()
        app.console.result(doomed.document(), *doomed.lines())
        return
    removed = pruning.carry_out(command_line(), wait)
    app.console.result(removed.document(), *removed.lines())
