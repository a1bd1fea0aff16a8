"""`dataops repair`: put right what a deployment that was cut off has left."""

from __future__ import annotations

from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.deploy_options import LockWaitOption, put_right, site_of
from dataops_cli.cli.recording import audited
from dataops_cli.cli.stack_options import PlanOption

app = typer.Typer(add_completion=False)


@command(app)
@audited
def repair(
    app: Application,
    plan: PlanOption = False,
    give_up: Annotated[
        bool,
        typer.Option("--give-up", help="Put nothing right: the next deploy begins from what is there."),
    ] = False,
    lock_wait: LockWaitOption = "0s",
) -> None:
    """Put right what a deployment that was cut off has left.

    Also one that failed and could not be put back. The environment ends on the release before it, and healthy.
    `dataops deploy` and `rollback` do it first, too. --give-up is for what can never be put right.
    """
    from dataops_cli import durations
    from dataops_cli.deploy.journal import current, to_put_right

    site = site_of(app)
    found = to_put_right(site.journal.deployments())
    if found is None:
        now = current(site.journal.deployments())
        app.console.result(
            {"repaired": None, "release": now},
            f"Nothing is to be put right: {site.name} is on {now or 'no release'}.",
        )
        return
    if plan and site.is_being_changed():
        app.console.result(
            {"repair": None},
            "Nothing can be said yet: somebody changes the stack. Who: dataops lock status",
        )
        return
    put_right(app, site, found, plan=plan, wait=durations.seconds(lock_wait), give_up=give_up)
