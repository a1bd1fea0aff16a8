"""`dataops deploy`: take a commit to an environment."""

from __future__ import annotations

import os
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
    show,
    site_of,
)
from dataops_cli.cli.recording import recorded
from dataops_cli.cli.stack_options import PlanOption, show_plan

app = typer.Typer(add_completion=False)


@command(app)
def deploy(
    app: Application,
    sha: Annotated[
        str | None,
        typer.Option(metavar="COMMIT", help="SHA, tag or branch (default: what is checked out)."),
    ] = None,
    plan: PlanOption = False,
    reason: ReasonOption = "",
    skip_tests: Annotated[
        bool, typer.Option("--skip-tests", help="Publish what was not tested; refused in prod.")
    ] = False,
    allow_breaking: AllowBreakingOption = False,
    build_only: Annotated[
        bool, typer.Option("--build-only", help="Build or pull the images, and change nothing else.")
    ] = False,
    lock_wait: LockWaitOption = "0s",
    run_wait: RunWaitOption = "1h",
    now: NowOption = False,
    no_rollback: NoRollbackOption = False,
) -> None:
    """Take a commit to the environment: all of it, healthy, or nothing.

    Everything comes from the commit, nothing from the working tree. The data are built aside with the new code,
    tested there, and published at once. Whatever fails is put back: containers, data and DAGs, exactly as they were. Without --env, the
    branch that is checked out says which environment it is (deploy.branch).
    """
    from dataops_cli import durations
    from dataops_cli.ci.deploy_summary import summarised
    from dataops_cli.deploy.checkout import check_out, environment_of_branch
    from dataops_cli.deploy.converge import bring_images, planned_images
    from dataops_cli.deploy.deploying import alone, deploy
    from dataops_cli.deploy.deployment import Request
    from dataops_cli.deploy.journal import Kind, current
    from dataops_cli.deploy.plan import plan_deploy, require_compatible
    from dataops_cli.deploy.resumption import can_go_on
    from dataops_cli.errors import DataopsError, ExitCode

    if app.env is None and not os.environ.get("DATAOPS_ENV"):
        app.env = environment_of_branch(app.project)
        app.console.progress(f"The branch that is checked out goes to {app.env}")
    if skip_tests and app.environment.name == "prod":
        raise DataopsError(
            "--skip-tests would publish untested data in prod",
            hint="Leave it out. To bring back data that passed its tests: dataops rollback",
            exit_code=ExitCode.REFUSED,
        )
    request = Request(
        reason=reason,
        test=not skip_tests,
        way_back=not no_rollback,
        now=now,
        run_wait=durations.seconds(run_wait),
    )
    wait = durations.seconds(lock_wait)
    site = site_of(app)
    with summarised(site), check_out(site, sha) as checkout:
        if build_only and plan:
            show_plan(app, planned_images(site.engine, checkout.workspace), "All images are there.")
            return
        if build_only:
            with recorded(app, reason), app.console.activity("Building the images"):
                images = bring_images(
                    site.engine,
                    checkout.workspace,
                    lambda subject, text: app.console.detail(f"{subject}: {text}"),
                )
            names = sorted({image.reference for image in images.values()})
            app.console.result({"release": checkout.workspace.release, "images": names}, *names)
            return
        with app.console.activity("Looking at what the commit changes"):
            planned = plan_deploy(site, checkout, request)
        if plan:
            app.console.result(planned.document(), *planned.lines())
            return
        if not allow_breaking:
            require_compatible(planned)
        app.console.progress(planned.lines()[0])
        release, test = checkout.workspace.release, request.test
        held = alone(
            site,
            command_line(),
            reason=reason,
            wait=wait,
            goes_on=lambda found: can_go_on(site, found, Kind.DEPLOY, release, test=test),
        )
        with recorded(app, reason), held as (site, lease):
            if current(site.journal.deployments()) != planned.previous:  # another one was faster
                planned = plan_deploy(site, checkout, request)
                if not allow_breaking:
                    require_compatible(planned)
            done = deploy(site, checkout, request, lease)
    show(app, done)
