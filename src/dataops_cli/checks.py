"""Checks: small looks at something, made side by side, each with its own deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass
from enum import StrEnum

from dataops_cli.errors import DataopsError
from dataops_cli.threads import in_thread

# How long a check may take, in seconds.
DEADLINE = 10.0


class Result(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


STYLES = {Result.OK: "green", Result.WARN: "yellow", Result.FAIL: "bold red", Result.SKIPPED: "dim"}


@dataclass(frozen=True)
class Finding:
    """One check's outcome: what was found, or why nothing was looked at, and what to do about it.

    `value` is the number that was measured, `threshold` the one that it must not pass; `found` says their unit.
    """

    result: Result
    found: str
    remedy: str = ""
    value: float | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Look:
    """`call` returns a Finding, or raises DataopsError or OSError, which is a failure.

    `late` says what to do where it is not done within `deadline` seconds.
    """

    call: Callable[[], Finding]
    deadline: float = DEADLINE
    late: str = "Run it again; a drive or a service that it looks at may hang."


def side_by_side(looks: Mapping[str, Look]) -> dict[str, Finding]:
    """What each look found, by its name. One that is late has failed, and is left to itself."""
    begun = time.monotonic()
    futures = {name: in_thread(look.call, f"check {name}") for name, look in looks.items()}
    return {name: _finding(look, futures[name], begun) for name, look in looks.items()}


def _finding(look: Look, future: Future[Finding], begun: float) -> Finding:
    try:
        return future.result(max(0.0, begun + look.deadline - time.monotonic()))
    except TimeoutError:
        if not future.done():
            return Finding(Result.FAIL, f"no answer within {look.deadline:g} s", look.late)
        return Finding(Result.FAIL, "it timed out", look.late)
    except DataopsError as error:
        return Finding(Result.FAIL, "\n".join((error.reason, *error.details)), error.hint)
    except OSError as error:
        return Finding(Result.FAIL, str(error), "Mend what is named, then run it again.")
