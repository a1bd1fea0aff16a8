"""`dataops step`: steps of a run, which Airflow's tasks and deployments call. It is no command for people, so no help
lists it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataops_cli.cli.application import Application, command

if TYPE_CHECKING:
    from dataops_cli.pipeline.execution import RunOutcome

app = typer.Typer(add_completion=False)

# No step of a run, but its end where none follows: the lock is kept for it no longer.
ABANDON = "abandon"


@command(app, "step")
def step(
    app: Application,
    names: Annotated[list[str], typer.Argument(metavar="STEP…")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the result goes, as JSON.")],
    so_far: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What the step before wrote as `run`.")
    ] = None,
    layer: Annotated[list[str] | None, typer.Option()] = None,
    select: Annotated[list[str] | None, typer.Option()] = None,
    exclude: Annotated[list[str] | None, typer.Option()] = None,
    variables: Annotated[str | None, typer.Option("--vars", metavar="YAML")] = None,
    lock_wait: Annotated[str, typer.Option(metavar="TIME")] = "0s",
    reserve: Annotated[
        str, typer.Option(metavar="TIME", help="How long the lock is kept for the next step.")
    ] = "15m",
    asked_by: Annotated[
        str, typer.Option(metavar="TEXT", help="Who asks for the run, the same in all of its steps.")
    ] = "dataops step",
    without_tests: Annotated[bool, typer.Option("--without-tests", help="Build and do not test.")] = False,
    last_try: Annotated[bool, typer.Option("--last-try", help="No other try of this step follows.")] = False,
) -> None:
    """Do steps of a run, in this order: freshness, bronze, silver, gold, publish, documentation.

    The first one takes the options of a run, the others what the step before handed on. Each says when it is done, in
    a line that `steps.done` makes. `abandon` lets go of the lock that is kept for a run which will not go on.
    """
    from dataops_cli import durations
    from dataops_cli.cli.run import parsed_variables
    from dataops_cli.cli.run_output import document, failure_lines, in_words
    from dataops_cli.errors import ExitCode, UsageError
    from dataops_cli.pipeline.options import RunOptions, check_options
    from dataops_cli.pipeline.run import PipelineRun
    from dataops_cli.pipeline.steps import Reservation, SoFar, Step, begin, done, go_on
    from dataops_cli.processes import end_with_parent

    wrong = next((name for name in names if name not in (*Step, ABANDON)), None)
    if wrong is not None:
        raise UsageError(f"There is no step {wrong}", hint=f"Steps: {', '.join((*Step, ABANDON))}")
    pipeline = PipelineRun(app.project, app.environment, app.console)
    if names == [ABANDON]:
        with pipeline.warehouse.hold(asked_by, wait=durations.seconds(lock_wait), whose=asked_by) as lease:
            lease.unreserve()
        return
    end_with_parent()
    reservation = Reservation(asked_by, durations.seconds(reserve), last_try)
    wait = durations.seconds(lock_wait)
    before = SoFar.from_document(_read(so_far)) if so_far else None
    for name in map(Step, names):
        outcome: RunOutcome | None
        if name is Step.FRESHNESS:
            options = RunOptions(
                layers=tuple(layer or ()),
                select=tuple(select or ()),
                exclude=tuple(exclude or ()),
                variables=parsed_variables(variables),
                lock_wait=wait,
                with_tests=not without_tests,
            )
            check_options(options)
            after, outcome = begin(pipeline, options, asked_by, reservation)
        elif before is None:
            raise UsageError(
                f"{name} goes on with a run", hint="Give what the step before wrote: --so-far FILE"
            )
        else:
            after, outcome = go_on(pipeline, name, before, asked_by, reservation, wait)
            if outcome is None:
                app.console.progress(
                    f"{after.run_id} has been published already."
                    if name is Step.PUBLISH
                    else f"Another run has been published since {after.run_id}: its documentation is written by that one."
                )
        _write(out, {"run": after.document(), "result": document(outcome) if outcome else None})
        for failure in outcome.failures if outcome else ():
            for line in failure_lines(failure):
                app.console.progress(line)
        if outcome and outcome.failures:
            raise typer.Exit(ExitCode.UNAVAILABLE if outcome.may_pass else ExitCode.FAILED)
        app.console.progress(done(name, in_words(outcome) if outcome else ""))
        before = after


def _read(path: Path) -> dict[str, Any]:
    from dataops_cli.errors import UsageError
    from dataops_cli.files import explained

    with explained(path):
        text = path.read_text(encoding="utf-8")
    try:
        return dict(json.loads(text)["run"])
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path} is no result of a step", hint="Give what the step before wrote.") from None


def _write(path: Path, content: dict[str, Any]) -> None:
    from dataops_cli.console import plain
    from dataops_cli.files import explained

    with explained(path):
        path.write_text(json.dumps(content, default=plain), encoding="utf-8")
