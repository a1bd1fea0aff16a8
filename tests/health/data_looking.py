"""Making the checks of dbt and the data on a platform, as `dataops health` does."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

from dataops_cli.checks import Finding, Look, side_by_side
from dataops_cli.health.check import Layer, Subject
from dataops_cli.health.data_checks import CHECKS
from dataops_cli.project import Project
from dataops_cli.settings.load import load_environment
from support import clean_environment

DATA = tuple(check.name for check in CHECKS if check.layer is Layer.DATA)


def look(folder: Path, *names: str, env: str = "local", **variables: str) -> dict[str, Finding]:
    """What the checks of those names found, made side by side."""
    with mock.patch.dict(os.environ, clean_environment(**variables), clear=True):
        project = Project(folder)
        subject = Subject(project, load_environment(project, env))
        checks = [check for check in CHECKS if check.name in names]
        assert len(checks) == len(names)
        return side_by_side(
            {
                check.name: Look(lambda check=check: check.look(subject), check.deadline, check.late)
                for check in checks
            }
        )


def results(found: dict[str, Finding]) -> dict[str, str]:
    """The results other than ok."""
    return {name: finding.result.value for name, finding in found.items() if finding.result != "ok"}
