"""Whether the secrets have values, and only their owner reads them."""

from __future__ import annotations

from collections.abc import Sequence

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.settings.secrets import secrets_file

LATE = "See whether the drive of the platform hangs."


def look(subject: Subject) -> Finding:
    path = secrets_file(subject.project, subject.environment.name)
    try:
        mode: int | None = path.stat().st_mode & 0o777
    except FileNotFoundError:
        mode = None
    missing = subject.stack.wanted.missing if subject.stack else None
    return decide(subject.project.relative(path), mode, missing)


def decide(file: str, mode: int | None, missing: Sequence[str] | None) -> Finding:
    """`mode` has the permission bits of the secrets file, None where there is none; `missing` are keys without a
    value, None where no stack says which it needs."""
    if mode is not None and mode & 0o077:
        return Finding(Result.FAIL, f"others can read {file} (mode {mode:04o})", f"chmod 600 {file}")
    if missing:
        remedy = f"Copy {file} from who has it\nWhere nobody has one yet: dataops secrets generate"
        return Finding(Result.FAIL, f"without a value: {', '.join(missing)}", remedy)
    if mode is not None:
        return Finding(Result.OK, f"{file} is its owner's alone")
    if missing is None:
        return Finding(Result.SKIPPED, f"{file} is not there")
    return Finding(Result.OK, f"{file} is not there, and every secret has a value")
