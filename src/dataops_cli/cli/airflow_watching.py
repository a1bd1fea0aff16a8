"""Watching a run from the command line: what is shown at the end, and what Ctrl-C does."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from dataops_cli.errors import DataopsError, ExitCode

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dataops_cli.airflow.api import Airflow
    from dataops_cli.airflow.model import DagRun
    from dataops_cli.airflow.watch import Outcome, ReturnedLines
    from dataops_cli.cli.application import Application


def watch_run(
    app: Application,
    api: Airflow,
    run: DagRun,
    *,
    triggered: bool = False,
    seconds: float | None = None,
    follow_logs: bool = False,
    returned_lines: ReturnedLines | None = None,
) -> None:
    """Watch a run to its end, or for so many seconds, and show how it ended. Leaves with exit 1 where it failed.

    `triggered` says first that it was. Ctrl-C asks whether to stop the run or to leave it alone, and leaves with
    exit 130.
    """
    deadline = time.monotonic() + seconds if seconds is not None else None
    while True:
        try:
            if triggered:
                app.console.progress(f"Triggered {run.dag_id} {run.run_id}")
                triggered = False
            outcome = _watched(app, api, run, deadline, follow_logs, returned_lines)
            break
        except KeyboardInterrupt:
            _interrupted(app, api, run)
    app.console.result(document(outcome), *_renderables(app, outcome))
    if not outcome.succeeded:
        raise typer.Exit(ExitCode.FAILED)


def _watched(
    app: Application,
    api: Airflow,
    run: DagRun,
    deadline: float | None,
    follow_logs: bool,
    returned_lines: ReturnedLines | None,
) -> Outcome:
    # These take a moment, in which Ctrl-C is to mean what it means later.
    from dataops_cli.airflow.views import showing
    from dataops_cli.airflow.watch import watch
    from dataops_cli.cli.airflow_workers import without_worker

    with showing(app.console) as view:
        return watch(
            api,
            run.dag_id,
            run.run_id,
            view=view,
            deadline=deadline,
            follow_logs=follow_logs,
            returned_lines=returned_lines,
            no_worker=lambda queues: without_worker(app, queues),
        )


def document(outcome: Outcome) -> dict[str, Any]:
    run = outcome.run
    return {
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "state": run.state,
        "seconds": run.seconds,
        "tasks": [
            {
                "task": task.name,
                "state": task.state,
                "try": task.try_number,
                "seconds": task.seconds,
                "notes": list(outcome.notes.get(task.name, ())),
            }
            for task in outcome.tasks
        ],
        "failures": [
            {"task": failure.task.name, "try": failure.task.try_number, "log": list(failure.log)}
            for failure in outcome.failures
        ],
    }


def _renderables(app: Application, outcome: Outcome) -> Iterator[RenderableType]:
    from rich.text import Text

    from dataops_cli.airflow.views import task_table

    run = outcome.run
    yield task_table(outcome.tasks, outcome.notes)
    yield ""
    took = f" in {run.seconds} s" if run.seconds is not None else ""
    if outcome.succeeded:
        yield Text.assemble(("Succeeded", "bold green"), f": {run.dag_id} {run.run_id}{took}")
        return
    for failure in outcome.failures:
        task = failure.task
        yield Text.assemble(("failed ", "bold red"), f"{task.name}, try {task.try_number}")
        yield from (Text(f"  {line}") for line in failure.log)
        yield ""
    yield Text.assemble(("Failed", "bold red"), f": {run.dag_id} {run.run_id}{took}")
    for failure in outcome.failures[:1]:
        index = f" --map-index {failure.task.map_index}" if failure.task.map_index >= 0 else ""
        words = f"airflow logs {failure.task.task_id} {run.run_id} --dag {run.dag_id}{index}"
        yield f"  → Its whole log: {app.hint(words)}"
    words = f"airflow clear {run.run_id} --dag {run.dag_id}"
    yield f"  → Mend the cause, then let what failed run again: {app.hint(words)}"


def _interrupted(app: Application, api: Airflow, run: DagRun) -> None:
    """Return to go on watching; raises DataopsError (exit 130) otherwise."""
    answer = _asked(app, run)
    if answer == "w":
        return
    if answer == "s":
        stopped = api.stop(run.dag_id, run.run_id)
        raise DataopsError(
            f"Stopped run {run.run_id}: it is {stopped.state}",
            hint=f"Let it go on from where it was: dataops airflow clear {run.run_id} --dag {run.dag_id}",
            exit_code=ExitCode.INTERRUPTED,
        )
    raise detached(run.dag_id, run.run_id)


def detached(dag_id: str, run_id: str) -> DataopsError:
    """What one who stops watching is told."""
    from dataops_cli.airflow.watch import watch_command

    return DataopsError(
        f"Detached: run {run_id} goes on",
        hint=f"Watch it again: {watch_command(dag_id, run_id)}",
        exit_code=ExitCode.INTERRUPTED,
    )


def _asked(app: Application, run: DagRun) -> str:
    """d, s or w; without a terminal, and for one who presses Ctrl-C again, d."""
    if app.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return "d"
    try:
        while True:
            answer: str = typer.prompt(
                f"Run {run.run_id}: [d]etach and let it go on, [s]top it, or go on [w]atching",
                default="d",
                err=True,
            )
            if answer[:1].lower() in ("d", "s", "w"):
                return answer[:1].lower()
    except (typer.Abort, KeyboardInterrupt):
        return "d"
