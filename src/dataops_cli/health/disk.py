"""Room on the disk of the platform and on the engine's."""

from __future__ import annotations

import shutil
from pathlib import Path

from dataops_cli.checks import Finding, Result
from dataops_cli.doctor.disk import ENOUGH, LEAST, decide
from dataops_cli.doctor.finding import GB
from dataops_cli.health.check import Subject

LATE = "See whether a drive hangs: df"
OLD_FILES = "Remove what is not needed: dataops prune"
OLD_IMAGES = "Free some space: docker image prune"


def look_at_project(subject: Subject) -> Finding:
    return measured(shutil.disk_usage(subject.project.root).free, str(subject.project.root), OLD_FILES)


def look_at_engine(subject: Subject) -> Finding:
    """That of the engine's images and volumes, where this machine sees it."""
    engine = subject.installed.engine
    folder = Path(engine.info()["DockerRootDir"])
    if engine.remote:
        return Finding(Result.SKIPPED, f"{folder} is on another machine")
    places = {folder, folder / "volumes"}
    try:
        free = {str(place): shutil.disk_usage(place).free for place in sorted(places) if place.exists()}
    except OSError:  # in a virtual machine, or not to be seen by this user
        free = {}
    if not free:
        return Finding(Result.SKIPPED, f"{folder} cannot be seen from here")
    least = min(free, key=free.__getitem__)
    return measured(free[least], least, OLD_IMAGES)


def measured(free: int, folder: str, remedy: str) -> Finding:
    """As `dataops doctor` decides, with the numbers, in GB."""
    found = decide(free, folder, remedy)
    threshold = LEAST if found.result is Result.FAIL else ENOUGH
    return Finding(found.result, found.found, found.remedy, round(free / GB, 1), threshold / GB)
