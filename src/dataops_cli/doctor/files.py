"""The files of the environment: readable for whom they should be, writable where they must be."""

from __future__ import annotations

import os

from dataops_cli.checks import Finding, Result
from dataops_cli.doctor.finding import Case, Lesson, known
from dataops_cli.settings.secrets import secrets_file
from dataops_cli.stack.environment import load_environment_stack


def look_at_secrets(case: Case) -> Finding:
    path = secrets_file(case.project, case.name)
    shown = case.project.relative(path)
    try:
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError:
        return Finding(Result.OK, f"{shown} is not there")
    if mode & 0o077:
        return Finding(Result.WARN, f"{shown} is open to other users (mode {mode:04o})", f"chmod 600 {shown}")
    return Finding(Result.OK, f"{shown} is yours alone")


def look_at_state(case: Case) -> Finding:
    folder = case.project.state(case.name)
    while not folder.exists():
        folder = folder.parent
    shown = case.project.relative(folder)
    if not folder.is_dir():
        return Finding(Result.FAIL, f"{shown} is no folder", f"Move it away: mv {shown} {shown}.old")
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        return Finding(Result.FAIL, f"{shown} is not writable", f"Make it yours: sudo chown -R $USER {shown}")
    return Finding(Result.OK, f"{'the platform' if shown == '.' else shown} is writable")


def look_at_compose(case: Case) -> Finding:
    """Loads the stack. Raises UsageError with file and line, DataopsError for a file that cannot be read."""
    stack = load_environment_stack(case.project, known(case.environment))
    learnt = {"stack": stack}
    if stack.warnings:
        return Lesson(Result.WARN, "\n".join(stack.warnings), "Set the variables named.", learnt=learnt)
    shown = ", ".join(case.project.relative(path) for path in stack.files)
    count = len(stack.services)
    return Lesson(Result.OK, f"{count} service{'s' * (count != 1)} in {shown}", learnt=learnt)
