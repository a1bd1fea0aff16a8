"""What the commands of deployments share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dataops_cli.cli.application import Application
    from dataops_cli.deploy.journal import Deployment
    from dataops_cli.deploy.site import Site

ReasonOption = Annotated[
    str, typer.Option("--reason", "-m", metavar="TEXT", help="Why, for the record and for who waits.")
]
LockWaitOption = Annotated[
    str, typer.Option(metavar="TIME", help="Wait this long for another deployment to end, such as 10m.")
]
NowOption = Annotated[
    bool, typer.Option("--now", help="Stop a run of the pipeline that is under way, and do not wait for it.")
]
RunWaitOption = Annotated[
    str, typer.Option(metavar="TIME", help="Wait this long for a run of the pipeline that is under way.")
]
AllowBreakingOption = Annotated[
    bool, typer.Option("--allow-breaking", help="Also where a gold column is removed or gets another type.")
]
NoRollbackOption = Annotated[
    bool, typer.Option("--no-rollback", help="Leave a failed deployment as it is, to look at it.")
]


def site_of(app: Application) -> Site:
    """The environment on its engine. Raises UsageError where it has no stack."""
    from dataops_cli import docker_api
    from dataops_cli.deploy.site import Site
    from dataops_cli.stack.environment import require_stack

    require_stack(app.environment)
    return Site(docker_api.connect(), app.project, app.environment, app.console, app.overrides)


def put_right(
    app: Application, site: Site, found: Deployment, *, plan: bool, wait: float, give_up: bool = False
) -> None:
    """Put right what a deployment has left, or leave it for good; with `plan`, say what that is."""
    from dataops_cli.cli.application import command_line
    from dataops_cli.deploy.deploying import alone
    from dataops_cli.deploy.journal import Outcome, current, explain

    if plan:
        what = "It would stay as it is." if give_up else "It would be put right."
        app.console.result({"repair": found.document()}, explain(found), what)
        return
    with alone(site, command_line(), wait=wait, give_up=give_up):
        pass  # what is found is seen to before anything else
    deployments = site.journal.deployments()
    now = current(deployments)
    number = found.beginning.number
    if give_up and any(
        item.beginning.number == number and item.outcome is Outcome.LEFT for item in deployments
    ):
        app.console.result(
            {"repaired": None, "left": number, "release": now},
            f"Left as it is: {explain(found)}. The next deploy begins from what is there.",
        )
        return
    app.console.result(
        {"repaired": number, "release": now},
        f"Put right: {site.name} is on {now or 'no release'}.",
    )


def show(app: Application, done: Deployment, **more: Any) -> None:
    """A deployment that has come to a good end."""
    from rich.text import Text

    beginning = done.beginning
    what = "Deployed " if beginning.kind == "deploy" else "Rolled back to "
    before = f", from {beginning.previous}" if beginning.previous else ""
    app.console.result(
        done.document() | more,
        Text.assemble(
            (what, "bold green"),
            f"{beginning.release}{before}: {app.environment.name} is healthy, "
            f"{done.generation or 'nothing'} is published ({done.seconds} s)",
        ),
    )
