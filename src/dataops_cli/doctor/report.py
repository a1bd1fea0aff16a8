"""What the checks found, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dataops_cli.checks import STYLES, Finding, Result
from dataops_cli.console import table
from dataops_cli.doctor.checks import ENGINE
from dataops_cli.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import RenderableType


def document(findings: Mapping[str, Finding]) -> dict[str, Any]:
    """`healthy` is whether nothing failed."""
    return {
        "healthy": exit_code(findings) is ExitCode.DONE,
        "checks": [
            {"name": name, "result": item.result.value, "found": item.found, "remedy": item.remedy or None}
            for name, item in findings.items()
        ],
    }


def rendered(findings: Mapping[str, Finding], environment: str) -> list[RenderableType]:
    """A table, the remedies under it, and a verdict."""
    from rich.text import Text

    rows = [[name, Text(item.result, STYLES[item.result]), item.found] for name, item in findings.items()]
    remedies = [
        Text.assemble("  → ", (name, STYLES[item.result]), f": {line}")
        for name, item in findings.items()
        for line in item.remedy.splitlines()
    ]
    return [
        table(["check", "result", "found"], rows),
        "",
        *remedies,
        *[""] * bool(remedies),
        verdict(findings, environment),
    ]


def verdict(findings: Mapping[str, Finding], environment: str) -> str:
    failed, warned = (
        sum(item.result is result for item in findings.values()) for result in (Result.FAIL, Result.WARN)
    )
    warnings = f"{warned} warning{'s' * (warned != 1)}"
    if failed:
        return f"{environment} lacks something: {failed} of {len(findings)} checks failed, {warnings}."
    return f"{environment} has what it needs{f', with {warnings}' if warned else ''}."


def exit_code(findings: Mapping[str, Finding]) -> ExitCode:
    """3 where the engine is needed and cannot be used, else 1 where a check failed."""
    if ENGINE in findings and findings[ENGINE].result is Result.FAIL:
        return ExitCode.UNAVAILABLE
    failed = any(item.result is Result.FAIL for item in findings.values())
    return ExitCode.FAILED if failed else ExitCode.DONE
