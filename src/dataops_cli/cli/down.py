"""`dataops down`: take the environment's containers and networks away."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.recording import audited
from dataops_cli.cli.stack_change import changing_stack
from dataops_cli.cli.stack_options import PlanOption, counted, show_plan

if TYPE_CHECKING:
    from dataops_cli.stack.reconcile import Operation

app = typer.Typer(add_completion=False, help="Remove the stack's containers and networks; volumes stay.")


@command(app)
@audited
def down(
    app: Application,
    plan: PlanOption = False,
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Remove the volumes, and all data in them, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before data is removed.")] = False,
    i_know: Annotated[bool, typer.Option("--i-know", help="Remove volumes in prod, too.")] = False,
) -> None:
    """Remove the stack's containers and networks; volumes stay."""
    from dataops_cli import docker_api
    from dataops_cli.docker_api import EngineError
    from dataops_cli.errors import DataopsError, ExitCode
    from dataops_cli.stack import labels
    from dataops_cli.stack.environment import require_stack
    from dataops_cli.stack.lifecycle import down as take_down
    from dataops_cli.stack.observe import observe_containers
    from dataops_cli.stack.reconcile import plan_down
    from dataops_cli.stack.state import state_of

    project = require_stack(app.environment)
    engine = docker_api.connect()
    mine = f"{labels.PROJECT}={project}"
    doomed = [item["Name"] for item in engine.volumes(mine)] if volumes else []

    def decide() -> list[Operation]:
        networks = {item["Name"]: item["Labels"] or {} for item in engine.networks(mine)}
        return plan_down(observe_containers(engine, project), networks, doomed)

    operations = decide()
    if plan:
        show_plan(app, operations, "Nothing would change.")
        return
    if doomed:
        if app.environment.name == "prod" and not i_know:
            raise DataopsError(
                f"This would remove production's data: {', '.join(sorted(doomed))}",
                hint="If that is what you want: dataops down --env prod --volumes --i-know",
                exit_code=ExitCode.REFUSED,
            )
        if not yes and not _agreed(app, doomed):
            raise DataopsError(
                f"Nothing was removed: this would remove all data in {', '.join(sorted(doomed))}",
                hint=f"If that is what you want: {app.hint('down')} --volumes --yes",
                exit_code=ExitCode.REFUSED,
            )
    with changing_stack(app, engine, project) as lock:
        if operations:
            lock()
            operations = decide()
            state = state_of(engine, app.environment)

            def report(subject: str, text: str) -> None:
                app.console.detail(f"{subject}: {text}")

            state.take_away()
            try:
                take_down(engine, operations, report)
            except EngineError as error:
                if error.status != 409:
                    raise
                # An audit entry that was late has made the container of the state anew, which uses its volume.
                state.take_away()
                take_down(engine, decide(), report)
    app.console.result(
        {"environment": app.environment.name, "changes": len(operations)},
        *(str(item) for item in operations),
        f"{app.environment.name} is down: {counted(len(operations), 'change')}.",
    )


def _agreed(app: Application, volumes: list[str]) -> bool:
    """The user's answer; without a terminal there is none."""
    if app.as_json or not sys.stdin.isatty():
        return False
    return typer.confirm(f"Remove all data in {', '.join(sorted(volumes))}?", err=True)
