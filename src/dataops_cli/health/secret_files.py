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
    missing = subject.stack.wanted.missing if subject.stack else ()
    return decide(subject.project.relative(path), mode, missing)


def decide(file: str, mode: int | None, missing: Sequence[str]) -> Finding:
    """`mode` has the permission bits of the secrets file, None where there is none; `missing` are keys without a
    value."""
    if mode is not None and mode & 0o077:
        return Finding(Result.FAIL, f"others can read {file} (mode {mode:04o})", f"chmod 600 {file}")
    if missing:
        remedy = "\n".join(
            [f"Copy {file} from who has it, or:", *(f"dataops secrets set {key}" for key in missing)]
        )
        return Finding(Result.FAIL, f"without a value: {', '.join(missing)}", remedy)
    return Finding(Result.OK, f"{file} is not there" if mode is None else f"{file} is its owner's alone")
