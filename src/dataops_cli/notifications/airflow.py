"""What Airflow makes known of a run: facts from what the DAG's callbacks know, and the container's settings."""

from __future__ import annotations

from urllib.parse import quote

from dataops_cli.airflow.names import command_for
from dataops_cli.notifications.events import Event, Facts
from dataops_cli.settings.load import Environment

# The events that the DAG tells, each with what is to be done about it: commands that name the run, as a newer one
# may have begun since.
NEXT_STEPS = {
    Event.PIPELINE_FAILED: "See which task failed: {show} · When it is mended: {clear}",
    Event.PIPELINE_RECOVERED: "",
    Event.PIPELINE_LATE: "See what it does: {watch}",
}


def facts_of_run(
    environment: Environment, event: Event, *, dag: str, run: str, reason: str, release: str
) -> Facts:
    commands = {verb: f"dataops {command_for(verb, run, dag)}" for verb in ("show", "clear", "watch")}
    base = environment.settings.notifications.airflow_url.rstrip("/")
    return Facts(
        environment.name,
        release=release,
        run=run,
        cause=reason,
        link=f"{base}/dags/{quote(dag, safe='')}/runs/{quote(run, safe='')}" if base else "",
        next_step=NEXT_STEPS[event].format(**commands),
    )
