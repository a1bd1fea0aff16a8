"""The table, the document and the exit code."""

from __future__ import annotations

import io

import pytest

from dataops_cli.checks import Finding, Result
from dataops_cli.console import Console
from dataops_cli.doctor.report import document, exit_code, rendered
from dataops_cli.errors import ExitCode

OK = Finding(Result.OK, "fine")
WARN = Finding(Result.WARN, "so-so", "Tidy: rm it")
FAIL = Finding(Result.FAIL, "5432: held\n8080: held", "Stop one.\nStop the other.")
SKIPPED = Finding(Result.SKIPPED, "no stack")

BAD = """\
check    result    found
─────────────────────────────
git      ok        fine
disk     warn      so-so
ports    fail      5432: held
                   8080: held
memory   skipped   no stack

  → disk: Tidy: rm it
  → ports: Stop one.
  → ports: Stop the other.

dev lacks something: 1 of 4 checks failed, 1 warning.
"""
GOOD = """\
check   result   found
──────────────────────
git     ok       fine

dev has what it needs.
"""


@pytest.mark.parametrize(
    ("findings", "text"),
    [({"git": OK, "disk": WARN, "ports": FAIL, "memory": SKIPPED}, BAD), ({"git": OK}, GOOD)],
)
def test_what_is_shown(findings: dict[str, Finding], text: str) -> None:
    stdout = io.StringIO()
    Console(stdout=stdout).result(None, *rendered(findings, "dev"))
    assert [line.rstrip() for line in stdout.getvalue().splitlines()] == text.splitlines()


def test_the_document() -> None:
    assert document({"git": WARN, "memory": SKIPPED}) == {
        "healthy": True,
        "checks": [
            {"name": "git", "result": "warn", "found": "so-so", "remedy": "Tidy: rm it"},
            {"name": "memory", "result": "skipped", "found": "no stack", "remedy": None},
        ],
    }
    assert document({"ports": FAIL})["healthy"] is False


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ({"git": WARN, "engine": SKIPPED, "disk": OK}, ExitCode.DONE),
        ({"git": FAIL, "engine": OK}, ExitCode.FAILED),
        ({"git": FAIL, "engine": FAIL}, ExitCode.UNAVAILABLE),
    ],
)
def test_the_exit_code(findings: dict[str, Finding], code: ExitCode) -> None:
    assert exit_code(findings) is code
