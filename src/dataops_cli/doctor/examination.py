"""Make the checks: those of a stage side by side, each with its own deadline."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import partial

from dataops_cli.doctor.checks import STAGES
from dataops_cli.doctor.finding import Case, Check, Finding, Result
from dataops_cli.errors import DataopsError
from dataops_cli.project import Project
from dataops_cli.settings.load import load_environment
from dataops_cli.threads import in_thread

# How long a check may take, in seconds.
DEADLINE = 10.0


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
        futures = {
            check.name: in_thread(partial(check.look, case), f"check {check.name}")
            for check in checks
            if not reasons[check.name]
        }
        wait(futures.values(), timeout=deadline)
        for check in checks:
            if reason := reasons[check.name]:
                findings[check.name] = Finding(Result.SKIPPED, reason)
            else:
                findings[check.name] = _finding(check, futures[check.name], deadline)
        case = replace(case, **{k: fact for item in findings.values() for k, fact in item.learnt.items()})
    return findings


def _reason(check: Check, case: Case) -> str:
    """Why the check is to be skipped; empty where it can be made."""
    return next((reason for need in check.needs if (reason := need.lacking(case))), "")


def _finding(check: Check, future: Future[Finding], deadline: float) -> Finding:
    if not future.done():
        return Finding(Result.FAIL, f"no answer within {deadline:g} s", check.late)
    try:
        return future.result()
    except DataopsError as error:
        return Finding(Result.FAIL, "\n".join((error.reason, *error.details)), error.hint)
    except OSError as error:
        return Finding(Result.FAIL, str(error), "Mend what is named, then run it again.")
