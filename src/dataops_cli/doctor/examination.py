"""Make the checks: those of a stage side by side, each with its own deadline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from dataops_cli.checks import DEADLINE, Finding, Look, Result, side_by_side
from dataops_cli.doctor.checks import STAGES
from dataops_cli.doctor.finding import Case, Check, Lesson
from dataops_cli.project import Project
from dataops_cli.settings.load import load_environment


def examine(
    project: Project, name: str, deadline: float = DEADLINE, stages: Sequence[Sequence[Check]] = STAGES
) -> dict[str, Finding]:
    """What each check found, by its name, for the environment `name`.

    A check that is not done by its deadline, in seconds, has failed and is left to itself.
    Raises UsageError where there is no such environment.
    """
    if name not in project.environment_names():
        load_environment(project, name)  # says which there are
    case = Case(project, name)
    findings: dict[str, Finding] = {}
    for checks in stages:
        reasons = {check.name: _reason(check, case) for check in checks}
        found = side_by_side(
            {
                check.name: Look(partial(check.look, case), deadline, check.late)
                for check in checks
                if not reasons[check.name]
            }
        )
        for name, reason in reasons.items():
            findings[name] = Finding(Result.SKIPPED, reason) if reason else found[name]
        lessons = [item.learnt for item in findings.values() if isinstance(item, Lesson)]
        case = replace(case, **{key: fact for learnt in lessons for key, fact in learnt.items()})
    return findings


def _reason(check: Check, case: Case) -> str:
    """Why the check is to be skipped; empty where it can be made."""
    return next((reason for need in check.needs if (reason := need.lacking(case))), "")
