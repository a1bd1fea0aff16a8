"""Findings as the checks of the data word them."""

from __future__ import annotations

from collections.abc import Sequence

from dataops_cli.checks import Finding, Result
from dataops_cli.warehouse.generation import Generation

# Problems that are named; the rest are counted.
SHOWN = 5
# What to do about these says the check of the relations, once.
UNPUBLISHED = Finding(Result.SKIPPED, "nothing has been published yet")
NO_TABLE = Finding(Result.SKIPPED, "none of the tables is there")


def nothing_known(generation: Generation, remedy: str = "") -> Finding:
    return Finding(
        Result.SKIPPED,
        f"no run is on record here that says what {generation.run_id} is made of",
        remedy,
    )


def with_problems(
    problems: Sequence[str], good: str, remedy: str, *, result: Result = Result.FAIL
) -> Finding:
    """One problem a line, or what is `good`. The value is their number, which must not be above 0."""
    if not problems:
        return Finding(Result.OK, good, value=0, threshold=0)
    lines = list(problems[:SHOWN])
    if len(problems) > SHOWN:
        lines.append(f"and {len(problems) - SHOWN:,} more")
    return Finding(result, "\n".join(lines), remedy, value=len(problems), threshold=0)


def counted(number: int, noun: str) -> str:
    """`1 table`, `1,124 tables`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
