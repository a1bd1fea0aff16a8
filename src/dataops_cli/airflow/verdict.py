"""What to say of a run that failed though no task of it did."""

from __future__ import annotations

from collections.abc import Sequence

from dataops_cli.airflow.model import FAILED, SUCCESS, DagRun, TaskInstance


def undone(run: DagRun, tasks: Sequence[TaskInstance]) -> list[TaskInstance]:
    """The tasks that a run was cut off from: where its DAG's time limit is over, or somebody ends it, Airflow skips
    what is at work and what waits. Empty for a run that goes on, succeeded, or has a task that failed."""
    if run.state != FAILED or any(task.state == FAILED for task in tasks):
        return []
    return [task for task in tasks if task.state not in (SUCCESS, "removed")]


def why_cut_off(run: DagRun, tasks: Sequence[TaskInstance]) -> str:
    """Why it failed, in a sentence; empty where `undone` is."""
    names = ", ".join(task.name for task in undone(run, tasks))
    if not names:
        return ""
    return (
        "No task failed: the run took longer than its DAG allows (dagrun_timeout), or was ended by hand. "
        f"Not done: {names}"
    )
