"""What is made known of a run of the pipeline: that it failed, that it works again, that it is late.

Each is one line in Airflow's log, `dataops event=…`, that log collectors can alert on.
"""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger("dataops.events")


def failed(context: Any) -> None:
    run = context["dag_run"]
    _tell("pipeline_failed", run.dag_id, run.run_id, context.get("reason"))


def published(context: Any) -> None:
    """A success is no news, except after a failure: of the run before, or of this one, which was cleared."""
    run = context["dag_run"]
    before = context["ti"].get_previous_dagrun()
    failed_before = before is not None and getattr(before.state, "value", before.state) == "failed"
    if failed_before or run.clear_number:
        _tell("pipeline_recovered", run.dag_id, run.run_id, None)


def late(run: Any) -> None:
    _tell("pipeline_late", run.dag_id, run.run_id, "it takes longer than airflow.late_after_minutes")


def _tell(event: str, dag_id: Any, run_id: Any, reason: Any) -> None:
    log.warning(
        "dataops event=%s dag=%s run=%s%s", event, dag_id, run_id, f" reason={reason}" if reason else ""
    )
