"""What the checks found, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dataops_cli.checks import STYLES, Result
from dataops_cli.console import table
from dataops_cli.errors import ExitCode
from dataops_cli.health.examination import ENGINE, Outcome

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text


def document(outcomes: Sequence[Outcome], environment: str) -> dict[str, Any]:
    """`healthy` is whether nothing failed."""
    return {
        "environment": environment,
        "healthy": exit_code(outcomes) is ExitCode.DONE,
        "checks": [
            {
                "name": item.name,
                "layer": item.layer.value,
                "result": item.finding.result.value,
                "found": item.finding.found,
                "value": item.finding.value,
                "threshold": item.finding.threshold,
                "remedy": item.finding.remedy or None,
                "seconds": item.seconds,
            }
            for item in outcomes
        ],
    }


def rendered(outcomes: Sequence[Outcome], environment: str) -> list[RenderableType]:
    """A table, the remedies under it, and a verdict."""
    from rich.text import Text

    rows = [
        [
            item.layer.value,
            item.name,
            Text(item.finding.result, STYLES[item.finding.result]),
            item.finding.found,
        ]
        for item in outcomes
    ]
    remedies = [
        Text.assemble("  → ", names, f": {line}")
        for remedy, names in _remedies(outcomes).items()
        for line in remedy.splitlines()
    ]
    code = exit_code(outcomes)
    style = "bold green" if code is ExitCode.DONE else "bold red"
    return [
        table(["layer", "check", "result", "found"], rows),
        "",
        *remedies,
        *[""] * bool(remedies),
        Text(verdict(outcomes, environment), style),
    ]


def _remedies(outcomes: Sequence[Outcome]) -> dict[str, Text]:
    """Each remedy once, with the names of all whose it is: one cause is often seen by several checks."""
    from rich.text import Text

    whose: dict[str, list[Text]] = {}
    for item in outcomes:
        name = Text(item.name, STYLES[item.finding.result])
        whose.setdefault(item.finding.remedy, []).append(name)
    return {remedy: Text(", ").join(names) for remedy, names in whose.items() if remedy}


def verdict(outcomes: Sequence[Outcome], environment: str) -> str:
    counts = {result: sum(item.finding.result is result for item in outcomes) for result in Result}
    warnings = f"{counts[Result.WARN]} warning{'s' * (counts[Result.WARN] != 1)}"
    skipped = f", {counts[Result.SKIPPED]} skipped" if counts[Result.SKIPPED] else ""
    made = len(outcomes) - counts[Result.SKIPPED]
    if failed := counts[Result.FAIL]:
        what = "cannot be looked at" if exit_code(outcomes) is ExitCode.UNAVAILABLE else "is not healthy"
        return f"{environment} {what}: {failed} of {made} checks failed, {warnings}{skipped}."
    if not made:
        return f"{environment} was not looked at: every check was skipped."
    return (
        f"{environment} is healthy: {made} check{'s' * (made != 1)} made"
        f"{f', {warnings}' if counts[Result.WARN] else ''}{skipped}."
    )


def lines(outcomes: Sequence[Outcome], environment: str) -> list[str]:
    """The verdict, and a line for what failed or warns: for who watches without a terminal."""
    bad = [item for item in outcomes if item.finding.result in (Result.WARN, Result.FAIL)]
    return [
        verdict(outcomes, environment),
        *(
            f"  {item.finding.result} {item.name}: {'; '.join(item.finding.found.splitlines())}"
            for item in bad
        ),
    ]


def exit_code(outcomes: Sequence[Outcome]) -> ExitCode:
    """3 where the engine is needed and cannot be used, else 1 where a check failed."""
    failed = {item.name for item in outcomes if item.finding.result is Result.FAIL}
    if ENGINE in failed:
        return ExitCode.UNAVAILABLE
    return ExitCode.FAILED if failed else ExitCode.DONE
