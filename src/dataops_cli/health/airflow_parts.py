"""How Airflow's parts are: its database, and the heartbeats of its processes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from dataops_cli.airflow.api import Airflow
from dataops_cli.airflow.model import Health
from dataops_cli.airflow.place import Place, place_of
from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.health.combining import combined

LATE = "Its webserver takes connections and does not answer: dataops restart airflow-webserver"
WEBSERVER = "airflow-webserver"
# Seconds for one call, signing in included, and for a check. A busy webserver takes some for a password alone.
PATIENCE, DEADLINE = 12.0, 15.0
# Airflow's name of a part → the service that it is, where the stack has it.
SERVICES = {
    "metadatabase": "postgres",
    "scheduler": "airflow-scheduler",
    "dag_processor": "airflow-dag-processor",
    "triggerer": "airflow-triggerer",
}
ALWAYS = ("metadatabase", "scheduler", "dag_processor")


def look(subject: Subject) -> Finding:
    if reason := lacking(subject):
        return Finding(Result.SKIPPED, reason)
    parts: tuple[str, ...] = ALWAYS
    if subject.stack is not None:
        parts = tuple(part for part, service in SERVICES.items() if subject.stack.has(service))
    return decide(airflow_of(subject, "airflow").health(), parts, datetime.now(UTC))


def decide(found: Sequence[Health], expected: Collection[str], now: datetime) -> Finding:
    """`expected` are the parts that there should be; another one counts where it has ever run."""
    there = {part.part: part for part in found}
    findings = []
    for name in dict.fromkeys([*expected, *there]):
        part = there.get(name) or Health(name, None, None)
        if name not in expected and part.status in ("healthy", None):
            continue
        said = part.status or "not there"
        if part.heartbeat:
            said += f", heartbeat {max(0, (now - part.heartbeat).total_seconds()):.0f} s ago"
        if part.status == "healthy":
            findings.append(Finding(Result.OK, f"{name} {said}"))
            continue
        service = SERVICES.get(name, WEBSERVER)
        findings.append(
            Finding(Result.FAIL, f"{name} is {said}", f"dataops restart {service}\ndataops logs {service}")
        )
    return combined(findings, "healthy: " + ", ".join(part for part in there if part in expected))


def lacking(subject: Subject) -> str:
    """Why there is no Airflow to look at; empty where there is one."""
    settings = subject.environment.settings
    if settings.airflow.url is not None:
        return ""
    if not settings.stack.enabled:
        return "no Airflow"
    if subject.stack is None:
        return "the engine is not reachable"
    return "" if subject.stack.has(WEBSERVER) else "the stack has no Airflow"


def airflow_of(subject: Subject, check: str) -> Airflow:
    """Raises DataopsError (exit 3) where the password is not set."""
    place = place_of(subject.environment)
    return _airflow(replace(place, timeout=min(place.timeout, PATIENCE)), check)


@lru_cache(maxsize=8)
def _airflow(place: Place, _check: str) -> Airflow:
    """Each check has its own, as checks are made side by side. It stays signed in for the next look."""
    return Airflow(place, patient=False)
