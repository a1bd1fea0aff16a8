"""Whether what is published is as new as the schedule wants it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.health.data_findings import UNPUBLISHED
from dataops_cli.health.data_published import published
from dataops_cli.health.data_schedule import last_due
from dataops_cli.settings.services import Airflow
from dataops_cli.warehouse.generation import Generation

REMEDY = "See what became of the runs: dataops airflow runs; then: dataops run"


def look(subject: Subject) -> Finding:
    found = published(subject)
    if found is None:
        return UNPUBLISHED
    return judge(found.generation, subject.environment.settings.airflow, datetime.now(UTC))


def judge(generation: Generation, airflow: Airflow, now: datetime) -> Finding:
    """A run has until it is called late to be published. Values are hours since what is published was begun."""
    begun = datetime.fromisoformat(generation.built_at)
    told = f"{generation.run_id} was built {_hours(now - begun):,.1f} hours ago"
    if airflow.schedule is None:
        return Finding(Result.OK, f"{told}; there is no schedule", value=_hours(now - begun))
    due = last_due(airflow.schedule, now - timedelta(minutes=airflow.late_after_minutes))
    if due is None:
        return Finding(Result.OK, f"{told}; the schedule is {airflow.schedule}", value=_hours(now - begun))
    value, threshold = _hours(now - begun), _hours(now - due)
    if begun < due:
        return Finding(
            Result.FAIL, f"{told}; a run was due at {due:%Y-%m-%d %H:%M} UTC", REMEDY, value, threshold
        )
    return Finding(Result.OK, f"{told}, after it was due at {due:%Y-%m-%d %H:%M} UTC", "", value, threshold)


def _hours(span: timedelta) -> float:
    return round(span.total_seconds() / 3600, 2)
