"""The one error a user can meet, and the exit codes every command keeps to."""

from __future__ import annotations

import traceback
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What the shell sees. The table in the README and in `dataops --help` says the same."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNAVAILABLE = 3
    LOCKED = 4
    REFUSED = 5
    INTERRUPTED = 130


class DataopsError(Exception):
    """Something the user can act on: rendered as two lines, never as a traceback.

    `reason` says what is wrong and where; `hint` says what to do next, with a command where
    there is one; `details` are further lines worth reading, such as the faults behind a summary.
    """

    def __init__(
        self,
        reason: str,
        *,
        hint: str,
        exit_code: int = ExitCode.FAILED,
        details: tuple[str, ...] = (),
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.exit_code = exit_code
        self.details = details


class UsageError(DataopsError):
    """Wrong usage or configuration (exit 2)."""

    def __init__(self, reason: str, *, hint: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(reason, hint=hint, exit_code=ExitCode.USAGE, details=details)


def fault_of_ours(error: Exception) -> DataopsError:
    """An exception that nobody foresaw, where it is one part of an answer whose other parts are worth having. It says
    where it was raised, since there is no traceback of it."""
    places = traceback.extract_tb(error.__traceback__)
    ours = [place for place in places if Path(__file__).parent in Path(place.filename).parents]
    at = f" in {Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else ""
    return DataopsError(
        f"Unexpected {type(error).__name__}{at}: {error}",
        hint="This is a fault in dataops: please report it with this line.",
    )
