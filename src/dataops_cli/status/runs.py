"""The last runs: Airflow's, where it runs the pipeline, else those that are recorded where dbt runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dataops_cli.airflow.model import DagRun
from dataops_cli.facts.data import Run
from dataops_cli.facts.model import Facts, Lacking, had
from dataops_cli.settings.model import Runner

SHOWN = 5
# As the screen shows them; other states are dim.
STYLES = {
    "succeeded": "green",
    "success": "green",
    "running": "cyan",
    "failed": "bold red",
    "killed": "bold red",
    "interrupted": "yellow",
}


@dataclass(frozen=True)
class RecentRun:
    """`about` is what it ran on or who asked for it, or why it failed."""

    run_id: str
    status: str
    begun_at: datetime | None
    seconds: float | None
    about: str


def recent_runs(facts: Facts) -> Sequence[RecentRun] | Lacking:
    """The newest first."""
    pipeline = had(facts.pipeline)
    if pipeline and facts.environment.settings.dbt.runner is Runner.AIRFLOW:
        return [_of_airflow(run) for run in pipeline.runs[:SHOWN]]
    if isinstance(facts.data, Lacking):
        return facts.data
    return [_recorded(run) for run in facts.data.runs[:SHOWN]]


def _of_airflow(run: DagRun) -> RecentRun:
    who = f"by {run.triggered_by}" if run.triggered_by else ""
    return RecentRun(
        run.run_id,
        run.state,
        run.started_at or run.queued_at,
        run.seconds,
        " ".join((run.run_type, who)).strip(),
    )


def _recorded(run: Run) -> RecentRun:
    failures = f"{run.failures} failure{'s' * (run.failures != 1)}" if run.failures else ""
    about = run.reason or failures or (f"release {run.release}" if run.release else "")
    return RecentRun(run.run_id, run.status, datetime.fromisoformat(run.started_at), run.seconds, about)
