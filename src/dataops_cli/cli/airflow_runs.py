"""`dataops airflow runs|show|tasks|logs|watch|clear|stop`: what is done with a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.airflow import PIPELINE
from dataops_cli.airflow.names import command_for
from dataops_cli.cli.airflow_options import (
    LAST,
    DagArgument,
    DagOption,
    FollowOption,
    PlanOption,
    RunArgument,
    TimeoutOption,
    connect,
    find_run,
    run_document,
    shown_json,
    warn_of_pause,
)
from dataops_cli.cli.application import Application, command
from dataops_cli.cli.recording import audited
from dataops_cli.durations import timeout_seconds
from dataops_cli.errors import UsageError

if TYPE_CHECKING:
    from dataops_cli.airflow.model import DagRun, TaskInstance

app = typer.Typer(add_completion=False)


@command(app)
def watch(
    app: Application,
    run_id: RunArgument = LAST,
    dag: DagOption = PIPELINE,
    timeout: TimeoutOption = None,
    follow_logs: FollowOption = False,
) -> None:
    """Watch a run until it ends, and exit with its outcome."""
    from dataops_cli.cli.airflow_watching import detached, watch_run

    seconds = timeout_seconds(timeout)
    api = connect(app)
    run = find_run(api, dag, run_id)
    try:
        if not run.ended:
            warn_of_pause(app, api.dag(dag))
    except KeyboardInterrupt:
        raise detached(dag, run.run_id) from None
    watch_run(app, api, run, seconds=seconds, follow_logs=follow_logs)


@command(app)
def runs(
    app: Application,
    dag: DagArgument = PIPELINE,
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="STATE", help="Only these: queued, running, success, failed (repeatable)."),
    ] = None,
    run_type: Annotated[
        list[str] | None,
        typer.Option(
            "--type", metavar="TYPE", help="Only these: manual, scheduled, backfill, … (repeatable)."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The newest N.")] = 20,
) -> None:
    """List the runs of a DAG, the newest first."""
    from dataops_cli.airflow.views import state_text
    from dataops_cli.console import table

    found = connect(app).runs(dag, limit=limit, states=state or (), types=run_type or ())
    rows = [
        [
            run.run_id,
            state_text(run.state),
            run.run_type,
            _shown(run.started_at),
            run.seconds,
            run.triggered_by,
        ]
        for run in found
    ]
    wanted = [" or ".join(names) for names in (state, run_type) if names]
    none = (
        f"No run of {dag} is {' and '.join(wanted)}. All of them: {app.hint(f'airflow runs {dag}')}"
        if wanted
        else f"{dag} has never run. Start a run: {app.hint(f'airflow trigger {dag}')}"
    )
    app.console.result(
        [run_document(run) for run in found],
        table(["run_id", "state", "type", "started_at", "seconds", "by"], rows) if rows else none,
    )


@command(app)
def show(app: Application, run_id: RunArgument = LAST, dag: DagOption = PIPELINE) -> None:
    """Show one run: its facts, and its tasks in their latest tries."""
    from dataops_cli.airflow.model import FAILED
    from dataops_cli.airflow.queueing import waits_for
    from dataops_cli.airflow.verdict import why_cut_off
    from dataops_cli.airflow.views import task_table
    from dataops_cli.console import table

    api = connect(app)
    run = find_run(api, dag, run_id)
    tasks = api.tasks(dag, run.run_id)
    facts = run_document(run) | {
        "waiting": waits_for(api, run) or None,
        "reason": why_cut_off(run, tasks) or None,
    }
    rows = [[key, value] for key, value in facts.items() if value not in (None, {})]
    rows = [[key, shown_json(value) if isinstance(value, dict) else value] for key, value in rows]
    more = f"  → Its results, and the end of the log of what failed: {app.hint(command_for('watch', run.run_id, dag))}"
    hints = ["", more] if run.state == FAILED else []
    app.console.result(
        {**facts, "tasks": [_task_document(task) for task in tasks]},
        table(["run", run.run_id], rows),
        "",
        task_table(tasks, {}),
        *hints,
    )


@command(app)
def tasks(app: Application, run_id: RunArgument = LAST, dag: DagOption = PIPELINE) -> None:
    """List the tasks of a run with every try, and where each was done."""
    from dataops_cli.airflow.views import state_text
    from dataops_cli.console import table

    api = connect(app)
    run = find_run(api, dag, run_id)
    tries: list[TaskInstance] = []
    for task in api.tasks(dag, run.run_id):
        tries += api.tries(dag, run.run_id, task) if task.try_number > 1 else [task]
    columns = ["task", "try", "state", "started_at", "seconds", "operator", "pool", "queue", "host"]
    rows = [
        [
            task.name,
            task.try_number or None,
            state_text(task.state),
            _shown(task.started_at),
            task.seconds,
            task.operator,
            task.pool,
            task.queue,
            task.host,
        ]
        for task in tries
    ]
    app.console.result([_task_document(task) for task in tries], table(columns, rows))


@command(app)
def logs(
    app: Application,
    task: Annotated[str, typer.Argument(metavar="TASK", help="The task.")],
    run_id: RunArgument = LAST,
    dag: DagOption = PIPELINE,
    try_number: Annotated[
        int | None, typer.Option("--try", min=1, metavar="N", help="The try (default: the latest).")
    ] = None,
    map_index: Annotated[
        int, typer.Option(min=-1, metavar="N", help="The part of a mapped task, from 0.")
    ] = -1,
    tail: Annotated[int | None, typer.Option(min=1, metavar="N", help="The last N entries.")] = None,
) -> None:
    """Show what a task of a run wrote, with tracebacks."""
    from dataops_cli.airflow.faults import Missing
    from dataops_cli.airflow.model import NO_STATE
    from dataops_cli.errors import ExitCode

    api = connect(app)
    run = find_run(api, dag, run_id)
    instances = api.tasks(dag, run.run_id)
    matching = [item for item in instances if item.task_id == task]
    if not matching:
        names = ", ".join(dict.fromkeys(item.task_id for item in instances))
        raise UsageError(f"Run {run.run_id} has no task {task}", hint=f"It has: {names or 'none yet'}")
    instance = next((item for item in matching if item.map_index == map_index), None)
    if instance is None:
        last = max(item.map_index for item in matching)
        raise UsageError(
            f"Task {task} {'is mapped' if last >= 0 else 'is not mapped'}",
            hint=f"Name one of its parts: --map-index 0 to {last}" if last >= 0 else "Leave out --map-index.",
        )
    wanted = instance.try_number if try_number is None else try_number
    try:
        lines = api.log(dag, run.run_id, instance, wanted)
    except Missing:
        latest = f": its latest is {instance.try_number}" if wanted != instance.try_number else " any more"
        raise Missing(
            f"Task {instance.name} has no try {wanted}{latest}",
            hint=f"Its tries: dataops {command_for('tasks', run.run_id, dag)}",
            exit_code=ExitCode.USAGE,
        ) from None
    shown = lines[-tail:] if tail else lines
    for line in shown:
        stamp = f"{line.time:%H:%M:%S} " if line.time else ""
        level = f"{line.level:<8}" if line.level else ""
        app.console.record(
            {"time": line.time, "level": line.level, "text": line.text, "trace": line.trace},
            "\n".join([f"{stamp}{level}{line.text}", *line.trace]),
        )
    if not shown:
        begun = "has written nothing" if instance.try_number else "has not begun"
        state = "" if instance.state == NO_STATE else f": it is {instance.state}"
        app.console.progress(f"{instance.name} {begun}{state}.")


@command(app)
@audited
def clear(
    app: Application,
    run_id: RunArgument = LAST,
    dag: DagOption = PIPELINE,
    task: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK",
            help="This task, whatever its state (repeatable; default: what failed, or was skipped in a run that failed, "
            "with what comes after it).",
        ),
    ] = None,
    downstream: Annotated[
        bool, typer.Option("--downstream", help="With --task: also the tasks that come after it.")
    ] = False,
    plan: PlanOption = False,
) -> None:
    """Let what failed in a run, or the tasks named, run again."""
    api = connect(app)
    run = find_run(api, dag, run_id)
    tasks = api.tasks(dag, run.run_id)
    before = {item.name: item.state for item in tasks}
    order = {item.task_id: number for number, item in enumerate(tasks)}
    chosen = _to_clear(run, tasks, task or (), lambda task_id: api.later_tasks(dag, task_id))
    cleared = (
        api.clear(dag, run.run_id, chosen, downstream=downstream or not task, plan=plan) if chosen else []
    )
    # Cleared ones have no state any more: what they were is of interest. Airflow lists them in any order; here it
    # is that of the DAG.
    cleared = [
        replace(item, state=before.get(item.name, item.state))
        for item in sorted(
            cleared, key=lambda item: (order.get(item.task_id, len(order)), item.task_id, item.map_index)
        )
    ]
    lines = [f"clear {item.name}: {item.state}" for item in cleared]
    if not cleared:
        lines = [f"Nothing to clear: no task of {run.run_id} has failed."]
    elif not plan:
        words = command_for("watch", run.run_id, dag)
        lines.append(f"{run.run_id} goes on. Watch it: {app.hint(words)}")
    app.console.result(
        {
            "dag_id": dag,
            "run_id": run.run_id,
            "cleared": [_task_document(item) for item in cleared],
            "plan_only": plan,
        },
        *lines,
    )
    if cleared and not plan:
        warn_of_pause(app, api.dag(dag))


@command(app)
@audited
def stop(
    app: Application,
    run_ids: Annotated[list[str], typer.Argument(metavar="RUN…", help="The runs, or `last`: the newest.")],
    dag: DagOption = PIPELINE,
    plan: PlanOption = False,
) -> None:
    """End runs: what is at work is killed, the rest is skipped, and they have failed."""
    api = connect(app)
    # All of them are looked up before the first is stopped: one that is not there stops none.
    found = {run.run_id: run for run in [find_run(api, dag, run_id) for run_id in run_ids]}
    documents, lines = [], []
    for run in found.values():
        ended = run if plan or run.ended else api.stop(dag, run.run_id)
        documents.append(
            {
                "dag_id": dag,
                "run_id": run.run_id,
                "state": ended.state,
                "changed": not run.ended,
                "plan_only": plan,
            }
        )
        if run.ended:
            lines.append(f"{run.run_id} has ended already: {run.state}")
        elif plan:
            lines.append(f"stop {run.run_id}: it is {run.state}")
        else:
            lines.append(f"Stopped {run.run_id}: it is {ended.state}")
            words = command_for("clear", run.run_id, dag)
            lines.append(f"  → Let it go on from where it was: {app.hint(words)}")
    app.console.result(documents, *lines)


def _to_clear(
    run: DagRun, tasks: Sequence[TaskInstance], names: Sequence[str], later: Callable[[str], Collection[str]]
) -> list[TaskInstance]:
    """The tasks named, or those that failed, or that a run which failed has left undone. `later` says which tasks
    come after one. Raises UsageError for a name that no task has."""
    from dataops_cli.airflow.model import FAILED, SUCCESS

    known = {item.task_id for item in tasks}
    for name in names:
        if name not in known:
            raise UsageError(
                f"Run {run.run_id} has no task {name}",
                hint=f"It has: {', '.join(dict.fromkeys(item.task_id for item in tasks)) or 'none yet'}",
            )
    if names:
        return list({item.task_id: item.whole for item in tasks if item.task_id in names}.values())
    failed = [item for item in tasks if item.state in ("failed", "upstream_failed")]
    if run.state != FAILED:
        return failed
    # A run that is stopped skips what waits. What its DAG skipped has tasks behind it that were done, or is skipped anew.
    done = {item.task_id for item in tasks if item.state == SUCCESS}
    return [
        item
        for item in tasks
        if item.state not in (SUCCESS, "removed")
        and not (item.state == "skipped" and done.intersection(later(item.task_id)))
    ]


def _task_document(task: TaskInstance) -> dict[str, object]:
    return {"task": task.name, **vars(task), "seconds": task.seconds}


def _shown(time: object) -> str | None:
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else None
