"""Room on the disk of the platform and on the engine's."""

from __future__ import annotations

import shutil

from dataops_cli.checks import Finding, Result
from dataops_cli.doctor.finding import GB, Case, gigabytes, known

# In bytes. The images of the stack take some 5 GB, and SQL Server's files grow.
ENOUGH = 10 * GB
LEAST = 2 * GB


def look_at_project(case: Case) -> Finding:
    free = shutil.disk_usage(case.project.root).free
    return decide(free, str(case.project.root), "Remove what is not needed, such as old files in .dataops.")


def look_at_engine(case: Case) -> Finding:
    folder = known(case.answer).info["DockerRootDir"]
    if known(case.engine).remote:
        return Finding(Result.SKIPPED, f"{folder} is on another machine")
    try:
        free = shutil.disk_usage(folder).free
    except OSError:  # in a virtual machine, or not to be seen by this user
        return Finding(Result.SKIPPED, f"{folder} cannot be seen from here")
    return decide(free, folder, "Free some space: docker image prune")


def decide(free: int, folder: str, remedy: str) -> Finding:
    """For so many free bytes."""
    found = f"{gigabytes(free)} free in {folder}"
    if free >= ENOUGH:
        return Finding(Result.OK, found)
    return Finding(Result.FAIL if free < LEAST else Result.WARN, found, remedy)
