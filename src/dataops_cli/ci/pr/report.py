"""What was found of a pull request: for people, for programs, and for GitHub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dataops_cli.checks import STYLES, Finding, Result
from dataops_cli.ci.actions import Annotation, Level
from dataops_cli.ci.pr.check import Place, PlacedFinding
from dataops_cli.console import table, visible
from dataops_cli.health.markdown import SIGNS, cell, escaped

if TYPE_CHECKING:
    from rich.console import RenderableType

# Of the places in the summary.
SHOWN = 50

LEVELS = {Result.FAIL: Level.ERROR, Result.WARN: Level.WARNING}


def document(findings: Mapping[str, Finding], labels: Sequence[str]) -> dict[str, Any]:
    return {
        "ok": not _failed(findings),
        "checks": [
            {
                "name": name,
                "result": item.result.value,
                "found": item.found,
                "remedy": item.remedy or None,
                "places": [vars(place) for place in places(item)],
            }
            for name, item in findings.items()
        ],
        "labels": list(labels),
    }


def rendered(findings: Mapping[str, Finding], labels: Sequence[str]) -> list[RenderableType]:
    """A table, the places and remedies under it, the labels, and a verdict."""
    from rich.text import Text

    rows = [[name, Text(item.result, STYLES[item.result]), item.found] for name, item in findings.items()]
    lines: list[RenderableType] = [table(["check", "result", "found"], rows), ""]
    for name, item in findings.items():
        lines += [Text(f"{_where(place)}: {place.message}") for place in places(item)]
        if item.remedy:
            lines.append(Text.assemble("  → ", (name, STYLES[item.result]), f": {item.remedy}"))
    return [*lines, *([Text(f"Labels: {visible(', '.join(labels))}")] if labels else []), verdict(findings)]


def verdict(findings: Mapping[str, Finding]) -> str:
    if failed := _failed(findings):
        return f"Not ready to merge: {', '.join(failed)}."
    needs = [item.needs for item in findings.values() if isinstance(item, PlacedFinding) and item.needs]
    skipped = [name for name, item in findings.items() if item.result is Result.SKIPPED]
    open_ends = [f"on GitHub it needs {need}" for need in needs]
    if skipped:
        open_ends.append(f"not looked at: {', '.join(skipped)}")
    if open_ends:
        return f"Nothing speaks against merging so far; {'; '.join(open_ends)}."
    return "Nothing speaks against merging."


def annotations_of(findings: Mapping[str, Finding]) -> list[Annotation]:
    return [
        annotation
        for name, item in findings.items()
        if item.result in LEVELS
        for annotation in _annotations(name, item)
    ]


def summary(findings: Mapping[str, Finding], labels: Sequence[str]) -> str:
    rows = [
        f"| {SIGNS[item.result]} {name} | {cell(item.found)} | {cell(item.remedy)} |"
        for name, item in findings.items()
    ]
    found = [(name, place) for name, item in findings.items() for place in places(item)]
    listed = [
        f"- {escaped(_where(place))}: {name}: {escaped(place.message)}" for name, place in found[:SHOWN]
    ]
    if (more := len(found) - SHOWN) > 0:
        listed.append(f"- … and {more} more, which are in the log")
    shown = "\n\n" + "\n".join(listed) if listed else ""
    shown += f"\n\nLabels: {escaped(', '.join(labels))}" if labels else ""
    return (
        "\n".join(
            [
                f"### Pull request: {escaped(verdict(findings))}",
                "",
                "| Check | Found | Remedy |",
                "| --- | --- | --- |",
                *rows,
            ]
        )
        + shown
    )


def places(finding: Finding) -> tuple[Place, ...]:
    return finding.places if isinstance(finding, PlacedFinding) else ()


def _annotations(name: str, item: Finding) -> list[Annotation]:
    level = LEVELS[item.result]
    return [
        Annotation(level, place.message, place.file, place.line or 1, title=name) for place in places(item)
    ] or [Annotation(level, f"{item.found}\n{item.remedy}".strip(), title=name)]


def _where(place: Place) -> str:
    file = visible(place.file)
    return f"{file}:{place.line}" if place.line else file


def _failed(findings: Mapping[str, Finding]) -> list[str]:
    return [name for name, item in findings.items() if item.result is Result.FAIL]
