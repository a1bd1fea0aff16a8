"""What is kept no longer: task logs, Airflow's own history, records of runs and generations of the warehouse."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import dataops_events
from airflow.sdk import DAG, task
from dataops_steps import DataopsCommand

KEEP_DAYS = int(os.environ.get("DATAOPS_AIRFLOW__KEEP_LOGS_DAYS") or 30)

with DAG(
    dag_id="dataops_cleanup",
    description="Remove old task logs, Airflow's old history, old runs and generations.",
    doc_md=__doc__,
    schedule="30 4 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    on_failure_callback=dataops_events.failed,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=5)},
    tags=["dataops"],
) as dag:

    @task
    def task_logs(days: int) -> dict[str, int]:
        """Logs that nobody has written to for so many days, and the folders that they leave empty."""
        from dataops_logs import remove_old_logs

        return remove_old_logs(days)

    @task
    def airflow_history(days: int) -> None:
        """Runs and tasks in the metadata database that are as old."""
        import subprocess

        # Airflow keeps its database from tasks by this variable; this one is for the database.
        blocked = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
        environment = {key: value for key, value in os.environ.items() if key != blocked}
        before = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        command = ["airflow", "db", "clean", "--clean-before-timestamp", before, "--skip-archive", "--yes"]
        # Without this it only writes a warning of a table that it cannot clean.
        command.append("--error-on-cleanup-failure")
        subprocess.run(command, env=environment, check=True)

    task_logs(KEEP_DAYS)
    airflow_history(KEEP_DAYS)
    # It leaves the lock to a run of the pipeline that goes on: longer than the pauses for causes that pass soon.
    DataopsCommand(
        task_id="runs_and_generations",
        arguments=["prune"],
        retries=12,
        retry_delay=timedelta(minutes=5),
        retry_exponential_backoff=0,
        max_retry_delay=None,
    )
