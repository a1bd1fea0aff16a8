"""Watching a run from the command line: what is shown at the end, and what Ctrl-C does."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import typer

from dataops_cli.airflow import PIPELINE
from dataops_cli.airflow.names import command_for
from dataops_cli.cli.airflow_options import shown_json
from dataops_cli.cli.delegation import bring_runs
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.interrupts import Terminated

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dataops_cli.airflow.api import Airflow
    from dataops_cli.airflow.model import DagRun, TaskInstance
    from dataops_cli.airflow.watch import Outcome
    from dataops_cli.cli.application import Application

# As airflow/dags/dataops_steps.py ends a task that the CLI has refused: the run's place stays taken. What it was given
# wrong may be a file, or the run's parameters.
_REFUSED, _WRONG = "dataops ended with exit code 5:", "dataops ended with exit code 2:"
# Seconds: logs of workers on other machines go through Redis, sent and written down once a second.
LOGS_BEHIND = 3.0


def watch_run(
    app: Application,
    api: Airflow,
    run: DagRun,
    *,
    triggered: bool = False,
    seconds: float | None = None,
    follow_logs: bool = False,
) -> None:
    """Watch a run to its end, or for so many seconds, and show how it ended, with dbt's results. Leaves with exit 1 where it failed.

    `triggered` says first that it was. Ctrl-C asks whether to stop the run or to leave it alone, and leaves with
    exit 130; SIGTERM leaves it alone.
    """
    deadline = time.monotonic() + seconds if seconds is not None else None
    while True:
        try:
            if triggered:
                app.console.progress(f"Triggered {run.dag_id} {run.run_id}")
                triggered = False
            outcome = _watched(app, api, run, deadline, follow_logs)
            break
        except Terminated:
            raise detached(run.dag_id, run.run_id) from None
        except KeyboardInterrupt:
            _interrupted(app, api, run)
    app.console.result(document(outcome), *_renderables(app, outcome))
    if run.dag_id == PIPELINE:
        with suppress(KeyboardInterrupt):  # the run has ended, and is told of
            bring_runs(app)
    if not outcome.succeeded:
        raise typer.Exit(ExitCode.FAILED)


def _watched(
    app: Application,
    api: Airflow,
    run: DagRun,
    deadline: float | None,
    follow_logs: bool,
) -> Outcome:
    # These take a moment, in which Ctrl-C is to mean what it means later.
    from dataops_cli.airflow.views import showing
    from dataops_cli.airflow.watch import watch
    from dataops_cli.cli.airflow_workers import without_worker
    from dataops_cli.cli.step_results import lines

    with showing(app.console) as view:
        return watch(
            api,
            run.dag_id,
            run.run_id,
            view=view,
            deadline=deadline,
            follow_logs=follow_logs,
            logs_behind=LOGS_BEHIND if app.environment.settings.worker.host else 0.0,
            returned_lines=lines,
            no_worker=lambda queues: without_worker(app, queues),
        )


def document(outcome: Outcome) -> dict[str, Any]:
    from dataops_cli.airflow.verdict import why_cut_off

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
        "reason": why_cut_off(run, outcome.tasks) or None,
        "failures": [
            {"task": failure.task.name, "try": failure.task.try_number, "log": list(failure.log)}
            for failure in outcome.failures
        ],
    }


def _renderables(app: Application, outcome: Outcome) -> Iterator[RenderableType]:
    from rich.text import Text

    from dataops_cli.airflow.verdict import undone, why_cut_off
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
    if cut_off := undone(run, outcome.tasks):
        yield Text(f"  {why_cut_off(run, outcome.tasks)}")
        begun = [task for task in cut_off if task.try_number]
        yield from (f"  → How far it came: {_logs(app, run, task)}" for task in begun[:1])
        yield f"  → Let it go on from where it was: {app.hint(command_for('clear', run.run_id, run.dag_id))}"
        return
    yield from (f"  → Its whole log: {_logs(app, run, failure.task)}" for failure in outcome.failures[:1])
    said = "\n".join(line for failure in outcome.failures for line in failure.log)
    conf = f" --conf {shlex.quote(shown_json(run.conf))}" if run.conf else ""
    if _REFUSED in said:
        yield f"  → It would fail again; start a new run: {app.hint(f'airflow trigger {run.dag_id}{conf}')}"
        return
    words = command_for("clear", run.run_id, run.dag_id)
    yield f"  → Mend the cause, then let what failed run again: {app.hint(words)}"
    if _WRONG in said and conf:
        yield f"  → Where its parameters are the cause, start a new run: {app.hint(f'airflow trigger {run.dag_id}')}"


def _logs(app: Application, run: DagRun, task: TaskInstance) -> str:
    index = f" --map-index {task.map_index}" if task.map_index >= 0 else ""
    return app.hint(f"{command_for(f'logs {task.task_id}', run.run_id, run.dag_id)}{index}")


def _interrupted(app: Application, api: Airflow, run: DagRun) -> None:
    """Return to go on watching; raises DataopsError (exit 130) otherwise."""
    answer = _asked(app, run)
    if answer == "w":
        return
    if answer == "s":
        # It may have ended while the question stood, and would have failed by being stopped.
        if api.run(run.dag_id, run.run_id).ended:
            return
        stopped = api.stop(run.dag_id, run.run_id)
        raise DataopsError(
            f"Stopped run {run.run_id}: it is {stopped.state}",
            hint=f"Let it go on from where it was: dataops {command_for('clear', run.run_id, run.dag_id)}",
            exit_code=ExitCode.INTERRUPTED,
        )
    raise detached(run.dag_id, run.run_id)


def detached(dag_id: str, run_id: str) -> DataopsError:
    """What one who stops watching is told."""
    return DataopsError(
        f"Detached: run {run_id} goes on",
        hint=f"Watch it again: dataops {command_for('watch', run_id, dag_id)}",
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
