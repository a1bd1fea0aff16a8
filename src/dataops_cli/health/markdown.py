"""What the checks found as Markdown, for the summary of a CI job."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from dataops_cli.checks import Result
from dataops_cli.console import visible
from dataops_cli.health.examination import Outcome
from dataops_cli.health.report import verdict

SIGNS = {Result.OK: "✅", Result.WARN: "⚠️", Result.FAIL: "❌", Result.SKIPPED: "⏭️"}
# What means something in a line of Markdown.
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~-])")


def markdown(outcomes: Sequence[Outcome], environment: str) -> str:
    rows = [
        f"| {SIGNS[item.finding.result]} {item.finding.result} | {item.name} | {cell(item.finding.found)} | "
        f"{cell(item.finding.remedy)} |"
        for item in outcomes
    ]
    return "\n".join(
        [
            f"### {escaped(verdict(outcomes, environment))}",
            "",
            "| Result | Check | Found | Remedy |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def cell(text: str) -> str:
    """Text in a table is one line; nothing in it is taken for Markdown or HTML."""
    return "<br>".join(escaped(line) for line in text.splitlines())


def escaped(text: str) -> str:
    """Nothing in the text is taken for Markdown or HTML, and it is one line: see `visible`."""
    return _SPECIAL.sub(r"\\\1", html.escape(visible(text), quote=False))
