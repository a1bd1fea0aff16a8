"""Whether dbt and its adapter are of the versions with which the platform is tested."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.health.data_findings import with_problems

REMEDY = (
    "Install what is pinned: pip install --requirement dbt/requirements.txt; in a container: dataops build dbt, "
    "then dataops up dbt"
)
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def look(subject: Subject) -> Finding:
    file = subject.project.dbt / "requirements.txt"
    if not file.is_file():
        return Finding(Result.SKIPPED, "the project pins no versions: there is no dbt/requirements.txt")
    engine = subject.environment.settings.warehouse.engine
    names = ("dbt-core", f"dbt-{engine.value}")
    pinned = {name: found for name, found in pins(file.read_text(encoding="utf-8")).items() if name in names}
    return judge(pinned, {name: _installed(name) for name in pinned})


def pins(requirements: str) -> dict[str, str]:
    """The exact versions in a requirements file, by package."""
    return {name.lower(): wanted for name, wanted in PINNED.findall(requirements)}


def judge(pinned: Mapping[str, str], installed: Mapping[str, str | None]) -> Finding:
    missing = [f"{name} is not installed" for name, found in installed.items() if found is None]
    if missing:
        return with_problems(missing, "", REMEDY)
    others = [
        f"{name} is {installed[name]}, tested is {wanted}"
        for name, wanted in pinned.items()
        if installed[name] != wanted
    ]
    good = ", ".join(f"{name} {wanted}" for name, wanted in pinned.items())
    return with_problems(others, good, REMEDY, result=Result.WARN)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
