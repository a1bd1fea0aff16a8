"""`dataops rollback`: bring an earlier release back."""

from __future__ import annotations

from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command, command_line
from dataops_cli.cli.deploy_options import (
    AllowBreakingOption,
    LockWaitOption,
    NoRollbackOption,
    NowOption,
    ReasonOption,
    RunWaitOption,
    put_right,
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
    allow_breaking: AllowBreakingOption = False,
    lock_wait: LockWaitOption = "0s",
    run_wait: RunWaitOption = "1h",
    now: NowOption = False,
    no_rollback: NoRollbackOption = False,
) -> None:
    """Bring an earlier release back, code and data.

    From a deployment that was cut off, `previous` is the release before it. The data are those that the release published last. Then they are built again with that code from today's source, and published when every test passes.
    """
    from dataops_cli import durations
    from dataops_cli.ci.deploy_summary import summarised
    from dataops_cli.deploy.deploying import (
        alone,
        asks_for_the_way_back,
        rebuild,
        rollback,
        target_of_rollback,
    )
    from dataops_cli.deploy.deployment import Request
    from dataops_cli.deploy.journal import Kind, current
    from dataops_cli.deploy.plan import plan_rollback, require_compatible
    from dataops_cli.deploy.resumption import can_go_on
    from dataops_cli.errors import DataopsError, ExitCode

    request = Request(reason=reason, way_back=not no_rollback, now=now, run_wait=durations.seconds(run_wait))
    site = site_of(app)
    with summarised(site):
        if found := asks_for_the_way_back(site, release):
            put_right(app, site, found, plan=plan, wait=durations.seconds(lock_wait))
            if found.beginning.kind is Kind.ROLLBACK and release in (None, "previous") and not plan:
                raise DataopsError(
                    f"A rollback to {found.beginning.release} had been cut off. It was put right, and not made again",
                    hint=f"To go back after all: dataops rollback {found.beginning.release}",
                )
            return
        target = target_of_rollback(site, release)
        with app.console.activity("Looking at what the release changes"):
            planned = plan_rollback(site, target, rebuild=not no_rebuild)
        if plan:
            app.console.result(planned.document(), *planned.lines())
            return
        if not allow_breaking:
            require_compatible(planned)
        for line in planned.lines():
            app.console.progress(line)
        held = alone(
            site,
            command_line(),
            reason=reason,
            wait=durations.seconds(lock_wait),
            goes_on=lambda found: can_go_on(site, found, Kind.ROLLBACK, target.name),
        )
        with held as (site, lease):
            target = target_of_rollback(site, release)
            if target.name != planned.release:
                raise DataopsError(
                    f"The release before is {target.name} by now: a deployment has ended meanwhile",
                    hint=f"Look again, or name the one that you mean: dataops rollback {planned.release}",
                    exit_code=ExitCode.REFUSED,
                )
            if current(site.journal.deployments()) != planned.previous and not allow_breaking:
                require_compatible(plan_rollback(site, target, rebuild=not no_rebuild))
            done = rollback(site, target, request, lease)
            was_built = any(step.name.startswith("dbt ") for step in done.steps)
            again = None
            if not (no_rebuild or was_built):
                app.console.progress(
                    f"{site.name} is on {done.beginning.release}, and healthy, with {done.generation}. "
                    "Now its data are built again"
                )
                again = rebuild(site, done, lease)
        show(app, done, built_again=again)
        if again:
            app.console.progress(f"The data are today's again: {again}")
