"""`dataops rollback`: bring an earlier release back."""

from __future__ import annotations

from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command, command_line
from dataops_cli.cli.deploy_options import (
    LockWaitOption,
    NoRollbackOption,
    NowOption,
    ReasonOption,
    RunWaitOption,
    show,
    site_of,
)
from dataops_cli.cli.recording import audited
from dataops_cli.cli.stack_options import PlanOption

app = typer.Typer(add_completion=False)


@command(app)
@audited
def rollback(
    app: Application,
    release: Annotated[
        str | None,
        typer.Argument(metavar="[RELEASE]", help="SHA, tag, or `previous` (default)."),
    ] = None,
    plan: PlanOption = False,
    reason: ReasonOption = "",
    no_rebuild: Annotated[
        bool, typer.Option("--no-rebuild", help="Stay with the release's own data; do not build them again.")
    ] = False,
    lock_wait: LockWaitOption = "0s",
    run_wait: RunWaitOption = "1h",
    now: NowOption = False,
    no_rollback: NoRollbackOption = False,
) -> None:
    """Bring an earlier release back, code and data.

    The data are those that it published last. Then they are built again with that code from today's source, and published when every test passes.
    """
    from dataops_cli import durations
    from dataops_cli.deploy.deploying import alone, rebuild, rollback, target_of_rollback
    from dataops_cli.deploy.deployment import Request
    from dataops_cli.deploy.plan import plan_rollback

    request = Request(reason=reason, way_back=not no_rollback, now=now, run_wait=durations.seconds(run_wait))
    site = site_of(app)
    target = target_of_rollback(site, release)
    planned = plan_rollback(site, target, rebuild=not no_rebuild)
    if plan:
        app.console.result(planned.document(), *planned.lines())
        return
    for line in planned.lines():
        app.console.progress(line)
    with alone(site, command_line(), reason=reason, wait=durations.seconds(lock_wait)) as lease:
        target = target_of_rollback(site, release)
        done = rollback(site, target, request, lease)
        again = rebuild(site, done, lease) if planned.data_kept and not no_rebuild else None
    show(app, done, built_again=again)
    if again:
        app.console.progress(f"The data are today's again: {again}")
