"""`dataops airflow dags|trigger|pause|unpause|backfill`: what is done with a DAG."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from dataops_cli.cli.airflow_options import (
    PIPELINE,
    ConfOption,
    DagArgument,
    FollowOption,
    PlanOption,
    TimeoutOption,
    connect,
    parameters,
    shown_json,
    warn_of_pause,
)
from dataops_cli.cli.application import Application, command
from dataops_cli.cli.recording import audited

app = typer.Typer(add_completion=False)


@command(app)
def dags(app: Application) -> None:
    """List the DAGs, with their schedules and when they run next."""
    from dataops_cli.console import table

    found = connect(app).dags()
    columns = ["dag", "state", "schedule", "next_run", "file", "description"]
    rows = [
        [
            dag.dag_id,
            "faulty" if dag.has_import_errors else "paused" if dag.paused else "active",
            dag.schedule,
            dag.next_run and dag.next_run.isoformat(timespec="minutes"),
            dag.file,
            dag.description,
        ]
        for dag in found
    ]
    app.console.result(
        [vars(dag) for dag in found],
        table(columns, rows) if rows else f"No DAGs. Files with faults: {app.hint('airflow import-errors')}",
    )


@command(app)
@audited
def trigger(
    app: Application,
    dag: DagArgument = PIPELINE,
    conf: ConfOption = None,
    run_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The run's id (default: one is made up).")
    ] = None,
    unpause: Annotated[
        bool, typer.Option("--unpause", help="Unpause the DAG first, which starts its schedule too.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", "--watch", "-w", help="Watch the run; exit with its outcome.")
    ] = False,
    timeout: TimeoutOption = None,
    follow_logs: FollowOption = False,
    plan: PlanOption = False,
) -> None:
    """Start a run of a DAG, once, even where Airflow's answer is lost."""
    from dataops_cli.airflow.trigger import require_triggerable
    from dataops_cli.airflow.trigger import trigger as start
    from dataops_cli.cli.airflow_watching import watch_run

    given = parameters(conf)
    api = connect(app)
    if plan:
        found = api.dag(dag)
        require_triggerable(found, unpause=unpause)
        steps = [f"unpause {dag}: it is paused"] * found.paused + [f"trigger {dag} with {shown_json(given)}"]
        app.console.result({"plan": steps}, *steps)
        return
    run = start(api, dag, run_id=run_id, conf=given, unpause=unpause)
    if wait or follow_logs or timeout:
        app.console.progress(f"Triggered {run.dag_id} {run.run_id}")
        watch_run(app, api, run, timeout=timeout, follow_logs=follow_logs)
        return
    words = f"airflow watch {run.run_id} --dag {run.dag_id}"
    app.console.result(vars(run), f"Triggered {run.dag_id} {run.run_id}", f"  → Watch it: {app.hint(words)}")


@command(app)
@audited
def pause(app: Application, dag: DagArgument = PIPELINE, plan: PlanOption = False) -> None:
    """Pause a DAG: its schedule starts no runs; those that run go on."""
    _set_paused(app, dag, True, plan)


@command(app)
@audited
def unpause(app: Application, dag: DagArgument = PIPELINE, plan: PlanOption = False) -> None:
    """Unpause a DAG: its schedule starts runs, and so can you."""
    _set_paused(app, dag, False, plan)


def _set_paused(app: Application, dag_id: str, wanted: bool, plan: bool) -> None:
    api = connect(app)
    changed = api.dag(dag_id).paused != wanted
    if changed and not plan:
        api.set_paused(dag_id, wanted)
    word = "paused" if wanted else "active"
    verb = "pause" if wanted else "unpause"
    line = f"{verb} {dag_id}" if plan and changed else f"{dag_id} is {word}{'' if changed else ' already'}."
    app.console.result({"dag_id": dag_id, "paused": wanted, "changed": changed, "plan": plan}, line)


@command(app)
@audited
def backfill(
    app: Application,
    begin: Annotated[
        datetime,
        typer.Option("--from", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="First date, in UTC."),
    ],
    end: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Last date, in UTC.")
    ],
    dag: DagArgument = PIPELINE,
    conf: ConfOption = None,
    again: Annotated[
        str,
        typer.Option(
            metavar="WHICH", help="Which runs that are there are done again: none, failed or completed."
        ),
    ] = "none",
    max_active_runs: Annotated[int, typer.Option(min=1, metavar="N", help="Runs side by side.")] = 1,
    backwards: Annotated[bool, typer.Option("--backwards", help="The newest date first.")] = False,
    plan: PlanOption = False,
) -> None:
    """Run a DAG for each date of its schedule in a range of the past."""
    from dataops_cli.errors import UsageError

    if again not in ("none", "failed", "completed"):
        raise UsageError(f"--again is {again!r}", hint="Write none, failed or completed.")
    if end < begin:
        raise UsageError("--to is before --from", hint="Write the earlier date as --from.")
    body: dict[str, Any] = {
        "dag_id": dag,
        "from_date": begin.replace(tzinfo=UTC),
        "to_date": end.replace(tzinfo=UTC),
        "reprocess_behavior": again,
        "max_active_runs": max_active_runs,
        "run_backwards": backwards,
        "dag_run_conf": parameters(conf),
    }
    api = connect(app)
    found = api.dag(dag)
    dates = [date.isoformat(timespec="minutes") for date in api.plan_backfill(body)]
    lines = [f"run {dag} for {date}" for date in dates] or [
        "Nothing to run: no date of the schedule is in it."
    ]
    if plan or not dates:
        app.console.result({"dag_id": dag, "dates": dates}, *lines)
        return
    number = api.backfill(body)
    app.console.result(
        {"dag_id": dag, "dates": dates, "backfill": number, "paused": found.paused},
        f"Backfill {number} of {dag}: {len(dates)} run{'s' * (len(dates) != 1)}",
        f"  → See them: {app.hint(f'airflow runs {dag}')}",
    )
    warn_of_pause(app, found)
