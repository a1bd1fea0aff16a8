"""The status for programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from dataops_cli.facts.model import Deployments, Facts, Lacking, Pipeline, had
from dataops_cli.stack.observe import Container
from dataops_cli.status.alerts import alerts
from dataops_cli.status.links import links
from dataops_cli.status.runs import recent_runs


def document(facts: Facts, advise: Callable[[str], str]) -> dict[str, Any]:
    """A part that the environment has not, or that cannot be had, is null; `unavailable` says why for the latter."""
    settings = facts.environment.settings
    deployed, lock, data = had(facts.deployments), had(facts.lock), had(facts.data)
    installed = had(facts.stack)
    runs = recent_runs(facts)
    holder = lock.holder if lock else None
    return {
        "environment": facts.environment.name,
        "description": settings.description,
        "warehouse": settings.warehouse.engine.value,
        "runner": settings.dbt.runner.value,
        "engine": had(facts.engine),
        "at": facts.at.isoformat(timespec="seconds"),
        "release": _release(deployed) if deployed else facts.release and {"name": facts.release},
        "deployment": deployed.last.document() if deployed and deployed.last else None,
        "lock": {**holder.facts, "liveness": holder.liveness.value} if holder else None,
        "schedule": _schedule(settings.airflow.schedule, had(facts.pipeline)),
        "published": data.published.document() if data and data.published else None,
        "runs": None if isinstance(runs, Lacking) else [asdict(run) for run in runs],
        "containers": [_container(item) for item in installed.containers] if installed else None,
        "alerts": [
            {
                "about": name,
                "result": finding.result.value,
                "found": finding.found,
                "remedy": advise(finding.remedy) or None,
            }
            for name, finding in alerts(facts).items()
        ],
        "links": {name: advise(where) for name, where in links(facts).items()},
        "unavailable": {
            name: {"reason": part.reason, "hint": advise(part.hint) or None}
            for name, part in facts.parts().items()
            if isinstance(part, Lacking)
        },
    }


def _release(deployed: Deployments) -> dict[str, Any] | None:
    brought = deployed.brought
    if brought is None:
        return None
    release = deployed.release
    return {
        "name": brought.beginning.release,
        "sha": release.sha if release else None,
        "subject": release.subject if release else None,
        "since": brought.ended_at,
        "by": brought.beginning.who,
        "deployment": brought.beginning.number,
    }


def _schedule(cron: str | None, pipeline: Pipeline | None) -> dict[str, Any]:
    return {
        "cron": cron,
        "paused": pipeline.dag.paused if pipeline else None,
        "next": pipeline.dag.next_run if pipeline else None,
    }


def _container(item: Container) -> dict[str, Any]:
    return {
        "service": item.service,
        "name": item.name,
        "state": item.state,
        "health": item.health or None,
        "exit_code": item.exit_code,
        "image": item.image,
    }
