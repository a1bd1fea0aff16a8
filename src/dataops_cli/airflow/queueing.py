"""What a queued run waits for, where as many runs of its DAG are at work as may be."""

from __future__ import annotations

from dataops_cli.airflow.api import PAGE, Airflow
from dataops_cli.airflow.model import BACKFILL, QUEUED, RUNNING, DagRun


def waits_for(api: Airflow, run: DagRun) -> str:
    """`waits for run a, and 2 before it`; empty for a run that waits for no other.

    A backfill counts its runs by itself, and is not looked at.
    """
    if run.state != QUEUED or run.run_type == BACKFILL:
        return ""
    newest_first = [
        other
        for other in api.runs(run.dag_id, limit=PAGE, states=[QUEUED, RUNNING])
        if other.run_type != BACKFILL
    ]
    running = [other.run_id for other in newest_first if other.state == RUNNING]
    if not running or len(running) < (api.dag(run.dag_id).max_active_runs or len(running) + 1):
        return ""
    ids = [other.run_id for other in newest_first]
    older = newest_first[ids.index(run.run_id) + 1 :] if run.run_id in ids else newest_first
    before = sum(other.state == QUEUED for other in older)
    return f"waits for run {' or '.join(running)}" + (f", and {before} before it" if before else "")
