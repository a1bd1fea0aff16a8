"""What a terminal shows of a check, from its document."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from dataops_cli.cli.ci_dbt_output import _lines, _plan

BASE = {"commit": "1" * 40, "is": "111111111111 of main: feat: x"}
TOLD: dict[str, Any] = {
    "ok": True, "base": BASE, "changes": {}, "selection": None, "compiled": [], "models": [],
    "tests": {"run": 0, "passed": 0}, "code_tests": None, "breaking": [], "allowed_by": None,
    "sqlserver": {"ran": False, "is": "not run"}, "notes": [], "timings": {}, "artifacts": "checks",
    "data_diff": [
        {
            "table": "gold.days", "rows": {"before": 10, "after": 8}, "columns": ["column margin is added"],
            "totals": {"revenue": {"before": "1.5000", "after": "2.5000"}, "n": {"before": 3, "after": None}},
        },
        {"table": "gold.same", "rows": {"before": 4, "after": 4}, "totals": {}, "columns": []},
    ],
}  # fmt: skip


def test_totals_are_shown_with_their_values() -> None:
    found: Any = SimpleNamespace(faults=[])
    console = Console(file=io.StringIO(), width=100)
    for line in _lines(found, TOLD):
        console.print(line)
    file: Any = console.file
    assert [" ".join(line.split()) for line in file.getvalue().splitlines() if "──" not in line] == [
        "",
        "gold table rows before rows now totals that differ columns",
        "gold.days 10 8 2 column margin is added",
        "gold.same 4 4",
        "",
        "gold table total of before now",
        "gold.days revenue 1.5000 2.5000",
        "gold.days n 3",
        "",
        "Passed: 0 models built, 0 of 0 data tests and 0 of 0 tests of the code passed, compiled nothing, 0 s",
        "not run",
        "Logs, manifests and SQL: checks",
    ]


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"changes": None}, "compare with 111111111111 of main: feat: x"),  # dbt cannot read the change
        (
            {"changes": None, "selection": {"models": [], "everything": True, "cause": ""}},
            "compare with nothing: the base cannot be read (111111111111 of main: feat: x)",
        ),
        (
            {"base": {"commit": None, "is": "there is no commit yet"}},
            "compare with nothing: there is no commit yet",
        ),
    ],
)
def test_a_plan_says_what_it_compares_with(told: dict[str, Any], line: str) -> None:
    assert next(_plan(TOLD | told)) == line
