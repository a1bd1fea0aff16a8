"""The checks that are made where dbt runs: asked for by `dataops health` in dbt's container.

One command there makes those that are quick, another one that of dbt itself, which takes long to begin.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from dataops_cli.checks import Finding, Result
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.health.check import Layer, Subject
from dataops_cli.health.installation import Installation
from dataops_cli.settings.layers import variable
from dataops_cli.settings.model import Runner
from dataops_cli.stack.dbt_container import SERVICE
from dataops_cli.stack.dbt_document import UPDATE, ask_dbt_container
from dataops_cli.threads import in_thread

SLOW, QUICK = "dbt", "the others"
# A check has fewer seconds in the container than here: those who wait for it wait for its Python, too.
ASKED = {
    SLOW: ("--check", SLOW, "--timeout", "32"),
    QUICK: ("--layer", Layer.DATA.value, "--check", "dbt-versions", "--timeout", "12"),
}

Findings = Mapping[str, Finding]


@dataclass
class _Asked:
    """What was asked for while one subject is looked at."""

    subject: weakref.ref[Subject]
    answers: dict[str, Future[Findings]] = field(default_factory=dict)


_lock = threading.Lock()
_latest: _Asked | None = None


def is_made_inside(subject: Subject) -> bool:
    return subject.environment.settings.dbt.runner is not Runner.PROCESS


def found_inside(subject: Subject, name: str) -> Finding:
    """What the check found in dbt's container.

    Raises DataopsError (exit 3) where the container does not run, or has no such check.
    """
    if subject.stack is None:
        return Finding(Result.SKIPPED, "dbt's container is on an engine that is not reachable")
    found = _answer(subject, subject.stack, SLOW if name == SLOW else QUICK).result()
    if name not in found:
        raise DataopsError(
            f"The dataops in dbt's container has no check {name}",
            hint=UPDATE,
            exit_code=ExitCode.UNAVAILABLE,
        )
    return found[name]


def _answer(subject: Subject, stack: Installation, part: str) -> Future[Findings]:
    global _latest
    with _lock:
        if _latest is None or _latest.subject() is not subject:  # another look
            _latest = _Asked(weakref.ref(subject))
        if part not in _latest.answers:
            _latest.answers[part] = in_thread(lambda: _ask(subject, stack, part), f"{part} in the container")
        return _latest.answers[part]


def _ask(subject: Subject, stack: Installation, part: str) -> Findings:
    stack.running(SERVICE)
    command = ["health", *ASKED[part]]
    document = ask_dbt_container(
        stack.engine, subject.project, subject.environment, command, "checks", _schedule(subject)
    )
    return findings(document)


def _schedule(subject: Subject) -> dict[str, str]:
    """Airflow's settings that a check asks for; a container is told none of them otherwise."""
    airflow = subject.environment.settings.airflow
    values = {"airflow.schedule": airflow.schedule, "airflow.late_after_minutes": airflow.late_after_minutes}
    return {variable(key): str(value) for key, value in values.items() if value is not None}


def findings(document: Mapping[str, Any]) -> Findings:
    """From what `dataops health --json` writes."""
    return {item["name"]: _finding(item) for item in document["checks"]}


def _finding(item: Mapping[str, Any]) -> Finding:
    return Finding(
        Result(item["result"]), item["found"], item["remedy"] or "", item["value"], item["threshold"]
    )
