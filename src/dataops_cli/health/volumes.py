"""Whether the volumes of the stack are there."""

from __future__ import annotations

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject

LATE = "See whether the engine answers: docker volume ls"


def look(subject: Subject) -> Finding:
    installed = subject.installed
    names = [item["name"] for item in installed.wanted.stack.volumes.values()]
    return decide(names, [name for name in names if installed.engine.volume(name) is None])


def decide(names: list[str], missing: list[str]) -> Finding:
    if not names:
        return Finding(Result.SKIPPED, "the stack has no volumes")
    if missing:
        remedy = "Make them anew, empty: dataops up\nThen bring back what was in them: dataops backup list"
        return Finding(Result.FAIL, f"missing: {', '.join(missing)}", remedy, len(missing), 0)
    return Finding(Result.OK, f"{len(names)} are there", "", 0, 0)
