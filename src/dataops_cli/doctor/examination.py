"""Make the checks: those of a stage side by side, each with its own deadline."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait

from dataops_cli.doctor.checks import STAGES
from dataops_cli.doctor.finding import Case, Check, Finding, Result
from dataops_cli.errors import DataopsError
from dataops_cli.project import Project

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
        from dataops_cli.settings.load import load_environment

        load_environment(project, name)  # says which there are
    case = Case(project, name)
    findings: dict[str, Finding] = {}
    for checks in stages:
        futures: dict[str, Future[Finding]] = {}
        for check in checks:
            reasons = [reason for need in check.needs if (reason := need.lacking(case))]
            if reasons:
                findings[check.name] = Finding(Result.SKIPPED, reasons[0])
            else:
                futures[check.name] = _in_thread(check, case)
        wait(futures.values(), timeout=deadline)
        for check in checks:
            if check.name in futures:
                findings[check.name] = _finding(check, futures[check.name], deadline)
        learnt = {key: fact for check in checks for key, fact in findings[check.name].learnt.items()}
        case = Case(**{**vars(case), **learnt})
    return findings


def _finding(check: Check, future: Future[Finding], deadline: float) -> Finding:
    if not future.done():
        return Finding(Result.FAIL, f"no answer within {deadline:g} s", check.late)
    try:
        return future.result()
    except DataopsError as error:
        return Finding(Result.FAIL, "\n".join((error.reason, *error.details)), error.hint)
    except OSError as error:
        return Finding(Result.FAIL, str(error), "Mend what is named, then run it again.")


def _in_thread(check: Check, case: Case) -> Future[Finding]:
    """The check in a thread that the program's end does not wait for, as it would for an executor's."""
    future: Future[Finding] = Future()

    def run() -> None:
        try:
            found = check.look(case)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(found)

    threading.Thread(target=run, name=f"check {check.name}", daemon=True).start()
    return future
