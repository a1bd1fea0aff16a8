"""What is failing or warns now, judged from the facts alone: by the rules of `dataops health`, without its looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from dataops_cli.checks import Finding, Result
from dataops_cli.deploy import release_check
from dataops_cli.deploy.journal import explain, to_put_right
from dataops_cli.facts.data import Data, Run
from dataops_cli.facts.model import Facts, Lacking, Pipeline, had
from dataops_cli.health import containers, data_publication, pipeline
from dataops_cli.health.data_relations import NOTHING_PUBLISHED
from dataops_cli.settings.model import Runner
from dataops_cli.settings.services import Airflow

SUCCEEDED, FAILED = "succeeded", "failed"
# What a lack of says more than its place on the screen: all the rest hangs on it.
ENGINE_HINT = "See whether it answers: docker info; or name another one: DOCKER_HOST"


def alerts(facts: Facts) -> dict[str, Finding]:
    """What fails or warns, by what it is about."""
    return {
        name: finding for name, finding in _findings(facts) if finding.result in (Result.WARN, Result.FAIL)
    }


def _findings(facts: Facts) -> Iterator[tuple[str, Finding]]:
    airflow = facts.environment.settings.airflow
    if isinstance(facts.engine, Lacking):
        yield "engine", Finding(Result.FAIL, facts.engine.reason, facts.engine.hint or ENGINE_HINT)
    lock, installed, deployed = had(facts.lock), had(facts.stack), had(facts.deployments)
    if installed:
        yield "containers", containers.decide(installed, {})
    if deployed and installed:
        yield (
            "release",
            release_check.decide(deployed.all, installed, being_changed=bool(lock and lock.is_in_use)),
        )
    elif deployed and (found := to_put_right(deployed.all)):
        yield "release", Finding(Result.FAIL, explain(found), "dataops repair")
    if lock and lock.holder and lock.holder.by_hand:
        yield "lock", Finding(Result.WARN, f"the stack is locked: {lock.holder}", "dataops lock release")
    dag, data = had(facts.pipeline), had(facts.data)
    if dag:
        yield "pipeline", _of_pipeline(dag, facts.at, airflow)
    are_airflows = dag is not None and facts.environment.settings.dbt.runner is Runner.AIRFLOW
    last = next((run for run in data.runs if not run.is_undone), None) if data else None
    if last and not are_airflows:
        yield "runs", _of_run(last, facts.at, airflow)
    if data:
        yield "data", _of_published(data, facts.at, airflow)


def _of_pipeline(found: Pipeline, now: datetime, airflow: Airflow) -> Finding:
    """One that is paused and runs on demand only waits for nobody."""
    dag = found.dag if airflow.schedule else replace(found.dag, paused=False)
    return pipeline.decide(
        dag, pipeline.newest(found.runs), now, timedelta(minutes=airflow.late_after_minutes)
    )


def _of_run(last: Run, now: datetime, airflow: Airflow) -> Finding:
    show = f"dataops runs show {last.run_id}"
    if last.is_over:
        if last.status == SUCCEEDED:
            return Finding(Result.OK, f"{last.run_id} succeeded")
        failed = last.status == FAILED
        how = "failed" if failed else f"was {last.status}"
        what = last.reason or f"{last.failures} failure{'s' * (last.failures != 1)}" * bool(last.failures)
        found = f"the last run, {last.run_id}, {how}{': ' * bool(what)}{what}"
        return Finding(Result.FAIL if failed else Result.WARN, found, f"{show}\ndataops run")
    minutes = (now - datetime.fromisoformat(last.started_at)).total_seconds() / 60
    if minutes > airflow.late_after_minutes:
        return Finding(Result.WARN, f"run {last.run_id} goes on for {minutes:.0f} minutes already", show)
    return Finding(Result.OK, f"run {last.run_id} goes on")


def _of_published(data: Data, now: datetime, airflow: Airflow) -> Finding:
    if data.published is None:
        return NOTHING_PUBLISHED
    return data_publication.judge(data.published, airflow, now)
