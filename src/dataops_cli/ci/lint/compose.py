"""Compose files, read as the stack reads them: with the settings of each environment that has a stack."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dataops_cli.ci.lint.check import Check, Finding, Subject
from dataops_cli.ci.paths import matching
from dataops_cli.errors import DataopsError
from dataops_cli.settings.load import load_environments
from dataops_cli.stack.environment import FOR_WORKERS, inside, load, require_stack

FOLDERS = ("/compose/*.yml", "/compose/*.yaml", "/environments/*.toml")
_PLACE = re.compile(r"(?P<file>[^\s:]+):(?P<line>\d+):?\s*(?P<message>.*)", re.DOTALL)


def _files(subject: Subject) -> list[str]:
    return matching(subject.files, FOLDERS)


def _look(subject: Subject, _files: Sequence[str]) -> list[Finding]:
    environments, faults = load_environments(subject.project)
    found = [_finding(subject, fault, "settings") for fault in faults]
    for environment in environments.values():
        if not environment.settings.stack.enabled:
            continue
        over = [FOR_WORKERS] if (subject.root / FOR_WORKERS).is_file() else []
        for files in ([], over) if over else ([],):
            try:
                stack = load(
                    subject.project,
                    environment,
                    require_stack(environment),
                    files,
                    ["*"],
                    inside(environment),
                )
            except DataopsError as error:
                found.append(_finding(subject, " ".join((error.reason, *error.details)), "compose"))
            else:
                found += [_finding(subject, warning, "compose") for warning in stack.warnings]
    return list(dict.fromkeys(found))


def _finding(subject: Subject, text: str, rule: str) -> Finding:
    """Of a fault that begins with its place."""
    if place := _PLACE.fullmatch(text):
        file = place["file"].removeprefix(f"{subject.root}/")
        return Finding(file, int(place["line"]), rule, place["message"])
    return Finding(
        "environments/base.toml" if rule == "settings" else "compose/compose.yml", None, rule, text
    )


COMPOSE = Check(
    "compose",
    "Settings and Compose files, as each environment's stack reads them",
    (),
    _files,
    _look,
    "See what an environment makes of them: dataops config validate, dataops up --plan",
)
