"""`dataops ci run`: what a workflow's jobs would run, here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.stack_options import PlanOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataops_cli.ci.run.execution import Ran
    from dataops_cli.ci.run.plan import Planned

app = typer.Typer(add_completion=False)


@command(app)
def run(
    app: Application,
    workflow: Annotated[
        str, typer.Argument(metavar="WORKFLOW", help="Its file in .github/workflows, such as ci-lint.")
    ],
    plan: PlanOption = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Run also what changes an environment, such as a deploy.")
    ] = False,
) -> None:
    """Run a workflow's `dataops` commands here, job by job.

    What needs GitHub is told, and not run. The exit code is that of the first step that fails; with --plan, too, where
    it is known before that the branch has no environment.
    """
    from dataops_cli.ci.repository import Repository
    from dataops_cli.ci.run.context import known_variables
    from dataops_cli.ci.run.execution import exit_code, run
    from dataops_cli.ci.run.plan import plan as plan_steps
    from dataops_cli.ci.run.workflow import find_workflow, read_workflow

    top = Repository(app.project.root).top
    jobs = read_workflow(find_workflow(top, workflow))
    steps = plan_steps(jobs, known_variables(app.project.root))
    if plan:
        app.console.result([_planned(item) for item in steps], *map(str, steps))
        _require_an_environment(app, steps)
        return
    _refuse(workflow, steps, yes=yes)
    for item in steps:
        if item.why_not:
            app.console.progress(str(item))
    ran = run(jobs, steps, top, lambda item: app.console.progress(f"── {item}"), aside=app.console.as_json)
    app.console.result([_planned(item.planned) | _outcome(item) for item in ran], *map(_line, ran))
    raise typer.Exit(exit_code(ran))


def _require_an_environment(app: Application, steps: Sequence[Planned]) -> None:
    """Tell of a workflow that would end where it looks for its environment; what its variables say does not help it."""
    from dataops_cli.ci.actions import pushed_branch
    from dataops_cli.cli.ci_detect_env import REMEDY
    from dataops_cli.deploy.checkout import environment_of_branch
    from dataops_cli.errors import UsageError

    looking = [item for item in steps if any(words[:2] == ("ci", "detect-env") for words in item.commands)]
    if not looking:
        return
    try:
        environment_of_branch(app.project, pushed_branch(), REMEDY)
    except UsageError as error:
        where = f"{looking[0].job} / {looking[0].step}"
        app.console.warn(f"{where} would fail, and what needs it not be run: {error.reason}", error.hint)
        raise typer.Exit(error.exit_code) from None


def _refuse(workflow: str, steps: Sequence[Planned], *, yes: bool) -> None:
    from dataops_cli.errors import DataopsError, ExitCode, UsageError

    if all(item.why_not for item in steps):
        raise UsageError(
            f"Nothing of {workflow} can be run here",
            details=tuple(map(str, steps)),
            hint="Name a workflow that calls dataops.",
        )
    changing = tuple(line for item in steps for line in item.changes)
    if changing and not yes:
        raise DataopsError(
            f"Nothing was run: {workflow} changes an environment",
            details=changing,
            hint=f"See all of it: dataops ci run {workflow} --plan; if that is what you want: --yes",
            exit_code=ExitCode.REFUSED,
        )


def _planned(item: Planned) -> dict[str, object]:
    return {
        "job": item.job,
        "step": item.step,
        "commands": item.shown,
        "not_run": item.why_not or None,
    }


def _outcome(item: Ran) -> dict[str, object]:
    return {"exit_code": item.code, "seconds": round(item.seconds, 1), "fault": item.fault or None}


def _line(item: Ran) -> str:
    where = f"{item.planned.job} / {item.planned.step}"
    if item.code is None:
        return f"{where}: not run, after what came before"
    if item.fault:
        return f"{where}: exit code {item.code}, {item.fault}"
    how = "done" if item.code == 0 else f"exit code {item.code}"
    return f"{where}: {how} in {item.seconds:.1f} s"
