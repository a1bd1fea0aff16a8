"""Whether the volumes of the stack are there, and have room."""

from __future__ import annotations

from collections.abc import Sequence

from dataops_cli.checks import Finding, Result
from dataops_cli.health import volume_room
from dataops_cli.health.check import Subject
from dataops_cli.health.combining import combined
from dataops_cli.health.volume_room import WARN, Room

LATE = "See whether the engine answers: docker volume ls"


def look(subject: Subject) -> Finding:
    installed = subject.installed
    names = [item["name"] for item in installed.wanted.stack.volumes.values()]
    missing = [name for name in names if installed.engine.volume(name) is None]
    return decide(names, missing, volume_room.measure(installed))


def decide(names: Sequence[str], missing: Sequence[str], rooms: Sequence[Room]) -> Finding:
    """`rooms` are those of the file systems that running containers have volumes on."""
    if not names:
        return Finding(Result.SKIPPED, "the stack has no volumes")
    findings = [volume_room.judge(room) for room in rooms]
    if missing:
        remedy = "Make them anew, empty: dataops up\nThen bring back what was in them: dataops backup list"
        lost = Finding(Result.FAIL, f"missing: {', '.join(missing)}", remedy, len(missing), 0)
        return combined([lost, *findings])
    there = f"{len(names)} are there"
    if not rooms:
        return Finding(Result.OK, there)
    most = round(max(room.share for room in rooms), 1)
    found = combined(findings, f"{there}, at most {most:.0f} % full")
    return Finding(Result.OK, found.found, "", most, WARN) if found.result is Result.OK else found
