"""`dataops airflow dags|trigger|pause|unpause|backfill`: what is done with a DAG."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataops_cli.airflow import PIPELINE
from dataops_cli.airflow.names import command_for
from dataops_cli.cli.airflow_options import (
    ConfOption,
    DagArgument,
    FollowOption,
    PlanOption,
    TimeoutOption,
    connect,
    fitting_parameters,
    parameters,
    run_document,
    shown_json,
    warn_of_pause,
)
from dataops_cli.cli.application import Application, command
from dataops_cli.cli.recording import audited
from dataops_cli.durations import timeout_seconds

if TYPE_CHECKING:
    from dataops_cli.airflow.api import Airflow
    from dataops_cli.airflow.model import Dag

app = typer.Typer(add_completion=False)

DAY, MOMENT = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"


@command(app)
def dags(app: Application) -> None:
    """List the DAGs, with their schedules and when they run next."""
    from dataops_cli.console import table

    api = connect(app)
    found, errors = api.dags(), api.import_errors()
    columns = ["dag", "state", "schedule", "next_run", "file", "description"]
    rows = [
        [
            dag.dag_id,
            "paused" if dag.paused else "active",
            dag.schedule,
            dag.next_run and dag.next_run.isoformat(timespec="minutes"),
            dag.file,
            dag.description,
        ]
        for dag in found
    ]
    app.console.result([vars(dag) for dag in found], table(columns, rows) if rows else "No DAGs.")
    if errors:
        one = len(errors) == 1
        app.console.warn(
            f"{len(errors)} file{' cannot be imported: its' if one else 's cannot be imported: their'} DAGs are missing here",
            "See why: dataops airflow import-errors",
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
        bool, typer.Option("--unpause", help="Unpause the DAG, which starts its schedule too.")
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

    seconds = timeout_seconds(timeout)
    given = parameters(conf)
    api = connect(app)
    given = fitting_parameters(api, dag, given)
    if plan:
        found = api.dag(dag)
        require_triggerable(found, unpause=unpause)
        if run_id is not None:
            api.require_new(dag, run_id)
        steps = [f"trigger {dag}{f' as {run_id}' if run_id else ''} with {shown_json(given)}"] + [
            f"unpause {dag}: it is paused"
        ] * found.paused
        app.console.result({"plan": steps}, *steps)
        return
    _refuse_while_deployed(app, dag)
    run = start(api, dag, run_id=run_id, conf=given, unpause=unpause, report=app.console.progress)
    if wait or follow_logs or seconds:
        watch_run(app, api, run, triggered=True, seconds=seconds, follow_logs=follow_logs)
        return
    words = command_for("watch", run.run_id, run.dag_id)
    app.console.result(
        run_document(run), f"Triggered {run.dag_id} {run.run_id}", f"  → Watch it: {app.hint(words)}"
    )


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


def _refuse_while_deployed(app: Application, dag_id: str) -> None:
    """A deployment has paused the pipeline, so that nothing else publishes. Raises DataopsError (exit 4) then."""
    if dag_id == PIPELINE:
        from dataops_cli.cli.delegation import refuse_while_changed

        refuse_while_changed(app)


def _set_paused(app: Application, dag_id: str, wanted: bool, plan: bool) -> None:
    api = connect(app)
    changed = api.dag(dag_id).paused != wanted
    if not wanted and not plan:
        _refuse_while_deployed(app, dag_id)
    if changed and not plan:
        api.set_paused(dag_id, wanted)
    word = "paused" if wanted else "active"
    verb = "pause" if wanted else "unpause"
    line = f"{verb} {dag_id}" if plan and changed else f"{dag_id} is {word}{'' if changed else ' already'}."
    app.console.result({"dag_id": dag_id, "paused": wanted, "changed": changed, "plan_only": plan}, line)


@command(app)
@audited
def backfill(
    app: Application,
    begin: Annotated[
        datetime,
        typer.Option("--from", formats=[DAY, MOMENT], help="First date, in UTC."),
    ],
    to: Annotated[
        str, typer.Option(metavar="DATE", help="Last date, the whole day, in UTC; or YYYY-MM-DDTHH:MM:SS.")
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
    begin, end = begin.replace(tzinfo=UTC), _last_moment(to)
    if end < begin:
        raise UsageError("--to is before --from", hint="Write the earlier date as --from.")
    if dag == PIPELINE and max_active_runs > 1:
        raise UsageError(
            f"Runs of {PIPELINE} cannot go on side by side: the warehouse has one writer",
            hint="Leave out --max-active-runs.",
        )
    given = parameters(conf)
    api = connect(app)
    found = api.dag(dag)
    _require_dates(found)
    body: dict[str, Any] = {
        "dag_id": dag,
        "from_date": begin,
        "to_date": end,
        "reprocess_behavior": again,
        "max_active_runs": max_active_runs,
        "run_backwards": backwards,
        "dag_run_conf": fitting_parameters(api, dag, given),
    }
    dates = [date.isoformat(timespec="minutes") for date in api.plan_backfill(body)]
    if plan or not dates:
        lines = [f"run {dag} for {date}" for date in dates] or _why_none(app, api, dag, begin, to, again)
        app.console.result({"dag_id": dag, "dates": dates}, *lines)
        return
    number = api.backfill(body)
    app.console.result(
        {"dag_id": dag, "dates": dates, "backfill": number, "paused": found.paused},
        f"Backfill {number} of {dag}: {len(dates)} run{'s' * (len(dates) != 1)}",
        f"  → See them: {app.hint(f'airflow runs {dag} --type backfill')}",
    )
    warn_of_pause(app, found)


def _last_moment(text: str) -> datetime:
    """The time that --to names, in UTC: the end of a day, or the moment it says."""
    from dataops_cli.errors import UsageError

    with suppress(ValueError):
        return datetime.combine(datetime.strptime(text, DAY), datetime.max.time(), UTC)
    with suppress(ValueError):
        return datetime.strptime(text, MOMENT).replace(tzinfo=UTC)
    raise UsageError(f"--to is {text!r}", hint="Write it as 2026-01-31 or 2026-01-31T12:00:00.")


def _require_dates(dag: Dag) -> None:
    """Raises UsageError for a DAG whose schedule has no dates."""
    from dataops_cli.errors import UsageError

    if dag.periodic:
        return
    if dag.dag_id == PIPELINE:
        hint = 'Set airflow.schedule in the environment\'s settings, such as "0 2 * * *", then: dataops up'
    else:
        hint = f"Give it a schedule with dates in {dag.file}."
    raise UsageError(
        f"DAG {dag.dag_id} has no dates to run for: its schedule is {dag.schedule or 'on demand only'}",
        hint=f"{hint} · For one run: dataops airflow trigger {dag.dag_id}",
    )


def _why_none(app: Application, api: Airflow, dag_id: str, begin: datetime, to: str, again: str) -> list[str]:
    """Why a backfill has nothing to run, and what to do about it."""
    there = api.runs_of_schedule(dag_id, begin, _last_moment(to))
    if not there:
        return ["Nothing to run: no date of the schedule that has passed is in it."]
    states = ", ".join(f"{count} {state}" for state, count in Counter(run.state for run in there).items())
    told = f"Nothing to run: the runs are there already ({states})"
    if again == "completed":
        return [f"{told}, and are not done again while they go on."]
    words = f"airflow backfill {dag_id} --from {begin:{MOMENT}} --to {to} --again completed"
    return [f"{told}.", f"  → Do them again: {app.hint(words)}"]
