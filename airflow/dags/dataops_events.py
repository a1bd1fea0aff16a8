"""What is made known of a run of the pipeline: that it failed, that it works again, that it is late.

Each is one line in Airflow's log, `dataops event=…`, that log collectors can alert on, and a notification where the
environment's settings say. That it failed is told by the DAG processor, so also where the worker was killed.
"""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path
from typing import Any

log = logging.getLogger("dataops.events")

DATAOPS = "/opt/dbt/venv/bin/dataops"
ADDRESSES = Path("/run/secrets/notification_urls")
PIPELINE = "dataops_pipeline"
# An Airflow variable: the run whose failure was told last, until the pipeline works again.
FAILED_RUN = "dataops_pipeline_failed"
# Seconds for the CLI, which itself waits ten for the services.
LIMIT = 20


def failed(context: Any) -> None:
    """Also of another DAG than the pipeline, which is named then."""
    dag_id, run_id, reason = context["dag"].dag_id, context["run_id"], context.get("reason")
    if dag_id == PIPELINE:
        _keep(run_id)
    _tell("pipeline_failed", dag_id, run_id, reason if dag_id == PIPELINE else f"the DAG {dag_id}: {reason}")


def published(context: Any) -> None:
    """A success is no news, except after a failure that was told. That people have stopped a run is not told."""
    from airflow.sdk import Variable

    if Variable.get(FAILED_RUN, default=None) is None:
        return
    run = context["dag_run"]
    _tell("pipeline_recovered", run.dag_id, run.run_id, None)
    Variable.delete(FAILED_RUN)


def _keep(run_id: str) -> None:
    from airflow.sdk import Variable

    try:
        Variable.set(FAILED_RUN, run_id)
    except Exception:  # the failure is told all the same
        log.warning("That %s failed could not be kept in the variable %s", run_id, FAILED_RUN, exc_info=True)


def late(run: Any) -> None:
    _tell("pipeline_late", run.dag_id, run.run_id, "it takes longer than airflow.late_after_minutes")


def _tell(event: str, dag_id: Any, run_id: Any, reason: Any) -> None:
    log.warning(
        "dataops event=%s dag=%s run=%s%s", event, dag_id, run_id, f" reason={reason}" if reason else ""
    )
    if ADDRESSES.exists() and ADDRESSES.stat().st_size:
        _notify([event, f"--dag={dag_id}", f"--run={run_id}", f"--reason={reason or ''}"])


def _notify(arguments: list[str]) -> None:
    """Send it. What goes wrong is in the log, and fails nothing."""
    # Airflow's variables are nothing to the CLI, and those of its settings that are for the DAGs may be empty.
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("AIRFLOW", "DATAOPS_AIRFLOW__"))
    }
    try:
        done = subprocess.run(
            [DATAOPS, "notify", "event", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=LIMIT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("The notification was not sent: %s", type(error).__name__)
        return
    for line in done.stdout.splitlines():
        log.warning("%s", line)
