"""Whether each service has its containers, and they run, are healthy and stay so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dataops_cli.checks import Finding, Result
from dataops_cli.docker_api import Engine
from dataops_cli.health.check import Subject
from dataops_cli.health.combining import combined
from dataops_cli.health.installation import Installation
from dataops_cli.stack.engine_clock import engine_now, engine_time
from dataops_cli.stack.observe import Container
from dataops_cli.stack.reconcile import is_one_shot, replicas

LATE = "See whether the engine answers: docker info"
# Seconds since its last start after which a container that was restarted counts as settled.
SETTLED = 600


@dataclass(frozen=True)
class Restarts:
    """How often a container was restarted by its policy, and the seconds since its last start."""

    count: int
    age: float
    out_of_memory: bool = False


def look(subject: Subject) -> Finding:
    installed = subject.installed
    now = engine_now(installed.engine)
    restarts = {
        item.id: _restarts(installed.engine, item, now)
        for item in installed.containers
        if item.running and not item.one_off
    }
    return decide(installed, restarts)


def decide(installed: Installation, restarts: Mapping[str, Restarts]) -> Finding:
    stack = installed.wanted.stack
    if stack.services and not any(map(installed.of, stack.services)):
        found = f"none of its services has a container: {', '.join(stack.services)}"
        return Finding(Result.FAIL, found, "dataops up")
    findings = []
    for name, service in stack.services.items():
        mine = installed.of(name)
        if len(mine) < replicas(service):
            found = f"service {name} has {len(mine)} of {replicas(service)} containers"
            findings.append(Finding(Result.FAIL, found, f"dataops up {name}"))
        findings += [
            _of_container(item, restarts.get(item.id), one_shot=is_one_shot(stack, name)) for item in mine
        ]
    ok = sum(item.result is Result.OK for item in findings)
    return combined(findings, f"{ok} of {ok} run and are healthy")


def _of_container(item: Container, restarts: Restarts | None, *, one_shot: bool) -> Finding:
    logs = f"dataops logs {item.service}"
    if one_shot and item.state == "exited" and item.exit_code == 0:
        return Finding(Result.OK, f"{item.name} has done its work")
    if item.state == "paused":
        return Finding(Result.FAIL, f"{item.name} is paused", f"docker unpause {item.name}")
    if item.state == "restarting":
        return Finding(Result.FAIL, f"{item.name} ends and is restarted again and again", logs)
    if item.state != "running":
        code = "" if item.exit_code is None else f" (exit code {item.exit_code})"
        return Finding(
            Result.FAIL, f"{item.name} does not run: {item.state}{code}", f"dataops up {item.service}\n{logs}"
        )
    if item.health == "unhealthy":
        return Finding(Result.FAIL, f"{item.name} is unhealthy", f"{logs}\ndataops restart {item.service}")
    if item.health == "starting":
        return Finding(
            Result.FAIL, f"{item.name} is starting, and not healthy yet", "dataops health --wait 5m"
        )
    if restarts and restarts.count and restarts.age < SETTLED:
        why = " (out of memory)" if restarts.out_of_memory else ""
        times = f"{restarts.count} time{'s' * (restarts.count != 1)}"
        found = f"{item.name} was restarted {times}, last {restarts.age:.0f} s ago{why}"
        return Finding(Result.WARN, found, logs, restarts.count, 0)
    return Finding(Result.OK, f"{item.name} runs")


def _restarts(engine: Engine, item: Container, now: datetime | None) -> Restarts:
    facts = engine.inspect(item.id)
    begun = engine_time(facts["State"]["StartedAt"])
    age = (now - begun).total_seconds() if now and begun else 0.0
    return Restarts(int(facts.get("RestartCount") or 0), age, bool(facts["State"].get("OOMKilled")))
