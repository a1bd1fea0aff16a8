"""What Airflow makes known of a run: facts from what the DAG's callbacks know, and the container's settings."""

from __future__ import annotations

from urllib.parse import quote

from dataops_cli.notifications.events import Event, Facts
from dataops_cli.settings.load import Environment

# The events that the DAG tells, each with what is to be done about it.
NEXT_STEPS = {
    Event.PIPELINE_FAILED: "See which task failed: dataops airflow show. When it is mended: dataops airflow clear",
    Event.PIPELINE_RECOVERED: "",
    Event.PIPELINE_LATE: "See what it does: dataops airflow watch",
}


def facts_of_run(
    environment: Environment, event: Event, *, dag: str, run: str, reason: str, release: str
) -> Facts:
    base = environment.settings.notifications.airflow_url.rstrip("/")
    return Facts(
        environment.name,
        release=release,
        run=run,
        cause=reason,
        link=f"{base}/dags/{quote(dag, safe='')}/runs/{quote(run, safe='')}" if base else "",
        next_step=NEXT_STEPS[event],
    )
