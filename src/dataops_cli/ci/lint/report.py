"""What the checks found: for people, for programs, and for GitHub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dataops_cli.checks import STYLES, Result
from dataops_cli.ci.actions import Annotation, Level
from dataops_cli.ci.lint.check import Finding
from dataops_cli.ci.lint.examination import Looked
from dataops_cli.console import table, visible
from dataops_cli.health.markdown import SIGNS, cell, escaped

if TYPE_CHECKING:
    from rich.console import RenderableType

# Of a check's findings in the summary; all of them are in the log.
SHOWN = 50


def document(looked: Sequence[Looked], seconds: float) -> dict[str, Any]:
    return {
        "clean": all(item.clean for item in looked),
        "seconds": round(seconds, 1),
        "checks": [
            {
                "name": item.check.name,
                "result": result(item).value,
                "files": item.files,
                "seconds": round(item.seconds, 1),
                "findings": [vars(finding) for finding in item.findings],
                "remedy": item.check.remedy if item.findings else None,
                "error": {"reason": item.error.reason, "hint": item.error.hint, "details": item.error.details}
                if item.error
                else None,
            }
            for item in looked
        ],
    }


def rendered(looked: Sequence[Looked], seconds: float) -> list[RenderableType]:
    """The findings by check, each with its remedy; a table of the checks; a verdict."""
    from rich.text import Text

    lines: list[RenderableType] = []
    for item in looked:
        lines += [
            Text(f"{visible(finding.place)}: {finding.rule}: {visible(finding.message)}")
            for finding in item.findings
        ]
        if item.error:
            lines += [
                f"{item.check.name}: {visible(item.error.reason)}",
                *(f"  {visible(line)}" for line in item.error.details),
            ]
        if not item.clean:
            remedy = item.error.hint if item.error else item.check.remedy
            lines += [Text.assemble("  → ", (item.check.name, STYLES[Result.FAIL]), f": {remedy}"), ""]
    rows = [
        [item.check.name, Text(result(item), STYLES[result(item)]), _found(item), f"{item.seconds:.1f} s"]
        for item in looked
    ]
    return [*lines, table(["check", "result", "found", "time"], rows), "", verdict(looked, seconds)]


def line(looked: Looked) -> str:
    """What is told of a check once it is done."""
    return f"{looked.check.name}: {_found(looked)} ({looked.seconds:.1f} s)"


def verdict(looked: Sequence[Looked], seconds: float) -> str:
    begun = [item for item in looked if item.files]
    failed = [item for item in looked if item.error]
    found = sum(len(item.findings) for item in looked)
    took = f"in {seconds:.1f} s"
    if failed:
        return f"Not done: {_names(failed)}. {_counted(found, 'finding')} by the others, {took}."
    if found:
        finders = [item for item in looked if item.findings]
        return f"{_counted(found, 'finding')} by {len(finders)} of {_counted(len(begun), 'check')}, {took}."
    return f"Clean: {_counted(len(begun), 'check')}, {took}."


def result(looked: Looked) -> Result:
    if not looked.clean:
        return Result.FAIL
    return Result.OK if looked.files else Result.SKIPPED


def as_annotations(looked: Sequence[Looked], prefix: str) -> list[Annotation]:
    """`prefix` is the platform's path from the repository's root, with a slash at its end where it is another."""
    found = [
        Annotation(
            Level.ERROR,
            finding.message,
            f"{prefix}{finding.file}",
            finding.line or 1,
            finding.column,
            f"{item.check.name}: {finding.rule}",
        )
        for item in looked
        for finding in item.findings
    ]
    return found + [
        Annotation(Level.ERROR, "\n".join((item.error.reason, *item.error.details)), title=item.check.name)
        for item in looked
        if item.error
    ]


def summary(looked: Sequence[Looked], seconds: float) -> str:
    """In Markdown: the verdict, a table of the checks, the findings."""
    rows = [
        f"| {SIGNS[result(item)]} {item.check.name} | {cell(_found(item))} | {item.seconds:.1f} s |"
        for item in looked
    ]
    parts = [
        f"### Lint: {escaped(verdict(looked, seconds))}",
        "\n".join(["| Check | Found | Time |", "| --- | --- | ---: |", *rows]),
    ]
    for item in looked:
        if item.findings:
            parts.append("\n".join([f"#### {item.check.name}", "", *map(_item, item.findings[:SHOWN])]))
            if (more := len(item.findings) - SHOWN) > 0:
                parts.append(f"… and {more} more, which are in the log.")
    return "\n\n".join(parts)


def _item(finding: Finding) -> str:
    return f"- {escaped(finding.place)}: **{escaped(finding.rule)}** {cell(finding.message)}"


def _found(looked: Looked) -> str:
    if looked.error:
        return looked.error.reason
    if not looked.files:
        return looked.check.nothing
    return f"{_counted(len(looked.findings), 'finding')} in {_counted(looked.files, 'file')}"


def _names(looked: Sequence[Looked]) -> str:
    return ", ".join(item.check.name for item in looked)


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
