"""Whether the pipeline's DAG is there and not paused, and how its last run went."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from dataops_cli.airflow import PIPELINE
from dataops_cli.airflow.model import FAILED, QUEUED, Dag, DagRun
from dataops_cli.checks import Finding, Result
from dataops_cli.health.airflow_parts import airflow_of, lacking
from dataops_cli.health.check import Subject

# Runs that are asked for.
RUNS = 5
BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


def look(subject: Subject) -> Finding:
    """Raises Fault where Airflow cannot be asked, or has no such DAG."""
    if reason := lacking(subject):
        return Finding(Result.SKIPPED, reason)
    api = airflow_of(subject, "pipeline")
    dag = api.dag(PIPELINE)
    return decide(
        dag,
        newest(api.runs(PIPELINE, limit=RUNS)),
        datetime.now(UTC),
        timedelta(minutes=subject.environment.settings.airflow.late_after_minutes),
    )


def newest(runs: Sequence[DagRun]) -> DagRun | None:
    """The one that was begun last. Airflow lists them by when they were due: one that is late stands below one that
    somebody began meanwhile."""
    return max(runs, key=lambda run: run.started_at or run.queued_at or BEFORE_ALL, default=None)


def decide(dag: Dag, last: DagRun | None, now: datetime, late_after: timedelta) -> Finding:
    """`last` is the newest run. `late_after` is how long a run may take, and how late one may begin."""
    if dag.paused:
        return Finding(Result.FAIL, f"{dag.dag_id} is paused", f"dataops airflow unpause {dag.dag_id}")
    minutes = late_after.total_seconds() / 60
    going_on, taken = _going_on(last, now) if last and not last.ended else ("", 0.0)
    if dag.next_run and now - dag.next_run > late_after:
        late = (now - dag.next_run).total_seconds() / 60
        found = f"the run of {dag.next_run:%Y-%m-%d %H:%M} has not begun, {late:.0f} minutes late"
        remedy = "dataops health --check airflow\ndataops airflow runs"
        if last and going_on:  # one at a time
            found, remedy = f"{found}: {going_on}", f"dataops airflow watch {last.run_id}"
        return Finding(Result.FAIL, found, remedy, round(late), minutes)
    due = f"; the next is due at {dag.next_run:%Y-%m-%d %H:%M}" if dag.next_run else ""
    if last is None:
        return Finding(
            Result.OK if due else Result.WARN, f"it has never run{due}", "" if due else "dataops run"
        )
    if last.state == FAILED:
        found = f"the last run, {last.run_id}, failed{_ago(last.ended_at, now)}"
        return Finding(Result.FAIL, found, f"dataops airflow show {last.run_id}\ndataops run")
    if taken > minutes:
        remedy = f"dataops airflow watch {last.run_id}"
        return Finding(Result.WARN, f"{going_on} already", remedy, round(taken), minutes)
    if not last.ended:
        return Finding(Result.OK, f"run {last.run_id} is {last.state}{due}")
    return Finding(Result.OK, f"the last run succeeded{_ago(last.ended_at, now)}{due}")


def _going_on(run: DagRun, now: datetime) -> tuple[str, float]:
    """What a run that has not ended does, and for how many minutes already."""
    begun = run.started_at or run.queued_at or now
    minutes = (now - begun).total_seconds() / 60
    word = "waits" if run.state == QUEUED else "goes on"
    return f"run {run.run_id} {word} for {minutes:.0f} minutes", minutes


def _ago(time: datetime | None, now: datetime) -> str:
    if time is None:
        return ""
    minutes = max(0, int((now - time).total_seconds() // 60))
    if minutes < 120:
        return f" {minutes} min ago"
    return f" {minutes // 60} h ago" if minutes < 48 * 60 else f" {minutes // (24 * 60)} days ago"
