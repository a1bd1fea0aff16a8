"""The Markdown of the job's summary and of the comment, as a whole."""

from __future__ import annotations

from typing import Any

from dataops_cli.ci.dbt_markdown import markdown

FOUND: dict[str, Any] = {
    "ok": False,
    "head": "2" * 40,
    "base": {"commit": "1" * 40, "is": "111111111111 of origin/main: feat: <b>models</b> for @ada"},
    "changes": {
        "added": ["gold.young"],
        "removed": ["gold.old"],
        "changed": [{"model": "silver.customers", "causes": ["its SQL", "the macro money"]}],
        "downstream": [{"model": "gold.days", "causes": ["reads customers"]}],
        "every_model": ["dbt is 1.11.16, was 1.11.15"],
        "tests_added": ["a", "b"],
        "tests_removed": [],
        "tests_changed": [f"t{number}" for number in range(27)],
    },
    "selection": {"everything": False, "cause": "state:modified+", "models": ["silver.customers", "gold.days"]},
    "compiled": [
        {"engine": "duckdb", "statements": 9, "asking": []},
        {"engine": "sqlserver", "statements": 8, "asking": ["days"]},
    ],
    "models": [
        {
            "model": "customers", "layer": "silver", "status": "success", "rows": 20, "seconds": 0.5,
            "passed": 2, "failed": 1, "warned": 0, "skipped": 0,
        },
    ],
    "tests": {"run": 3, "passed": 2},
    "code_tests": {"run": 1, "passed": 1},
    "data_diff": [
        {
            "table": "gold.days", "rows": {"before": 10, "after": 8},
            "totals": {"revenue": {"before": "1.5000", "after": "2.5000"}, "n": {"before": 3, "after": None}},
            "columns": ["column margin is added"],
        },
        {"table": "gold.old", "rows": {"before": 5, "after": None}, "totals": {}, "columns": []},
        {"table": "gold.young", "rows": {"before": None, "after": 7}, "totals": {}, "columns": []},
        {"table": "gold.same", "rows": {"before": 4, "after": 4}, "totals": {}, "columns": []},
    ],
    "breaking": ["gold.old is removed"],
    "allowed_by": "its label breaking",
    "sqlserver": {"ran": False, "is": "not run on SQL Server: no server is named"},
    "faults": [
        {
            "what": "test customers_are_unique", "message": "Got 2 results\n| not a table |", "file": "dbt/models/a.yml",
            "line": 12, "remedy": "", "rows": [{"id": 1, "name": "•••"}, {"id": 2, "name": None}],
        },
    ],
    "notes": [{"text": "No data diff: the base cannot be built", "remedy": "Mend it"}],
    "timings": {"build and test": 3.2, "data diff": 0.3},
    "artifacts": "/somewhere",
}  # fmt: skip


def test_everything_that_can_be_told() -> None:
    assert markdown(FOUND) == (
        "### ❌ dbt: 1 fault at 222222222222\n"
        "\n"
        "1 model built (changed and downstream) · 2 of 3 data tests passed, 1 of 1 tests of the code · "
        "9 statements compiled for duckdb · 8 statements compiled for sqlserver (not tried without a connection: days)"
        " · not run on SQL Server: no server is named\n"
        "\n"
        "Compared with 111111111111 of origin/main: feat: &lt;b&gt;models&lt;/b&gt; for @<!-- -->ada\n"
        "\n"
        "#### ❌ test customers\\_are\\_unique\n"
        "\n"
        "dbt/models/a.yml:12\n"
        "\n"
        "Got 2 results<br>\\| not a table \\|\n"
        "\n"
        "| id | name |\n"
        "| --- | --- |\n"
        "| 1 | ••• |\n"
        "| 2 |  |\n"
        "\n"
        "> ⚠️ No data diff: the base cannot be built. Mend it\n"
        "\n"
        "#### Models\n"
        "\n"
        "| model | change |\n"
        "| --- | --- |\n"
        "| gold.young | new |\n"
        "| gold.old | removed |\n"
        "| silver.customers | changed: its SQL; the macro money |\n"
        "| gold.days | may get other rows: reads customers |\n"
        "| every model | dbt is 1.11.16, was 1.11.15 |\n"
        "\n"
        "Tests new: a, b\n"
        "\n"
        f"Tests changed: {', '.join(f't{number}' for number in range(25))} and 2 more\n"
        "\n"
        "> ⚠️ breaks who reads gold: gold.old is removed. Allowed by: its label breaking\n"
        "\n"
        "#### Gold, base and change on the same sample data\n"
        "\n"
        "| table | rows before | rows now | Δ | totals that differ | columns |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| gold.days | 10 | 8 | \\-2 | 2 | column margin is added |\n"
        "| gold.old | 5 |  | removed |  |  |\n"
        "| gold.young |  | 7 | new |  |  |\n"
        "| gold.same | 4 | 4 |  |  |  |\n"
        "\n"
        "<details><summary>2 totals of numeric columns</summary>\n"
        "\n"
        "| table | column | before | now |\n"
        "| --- | --- | --- | --- |\n"
        "| gold.days | revenue | 1.5000 | 2.5000 |\n"
        "| gold.days | n | 3 |  |\n"
        "\n"
        "</details>\n"
        "\n"
        "<details><summary>1 model built</summary>\n"
        "\n"
        "| model | status | rows | seconds | passed | failed | warned | skipped |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| customers | success | 20 | 0.5 | 2 | 1 | 0 | 0 |\n"
        "\n"
        "</details>\n"
        "\n"
        "<details><summary>4 seconds</summary>\n"
        "\n"
        "| step | seconds |\n"
        "| --- | --- |\n"
        "| build and test | 3.2 |\n"
        "| data diff | 0.3 |\n"
        "\n"
        "</details>\n"
    )


def test_little_to_tell() -> None:
    nothing: dict[str, Any] = {
        "ok": True, "head": None, "base": {"commit": None, "is": "this is the first commit"}, "changes": None, "selection": None,
        "compiled": [], "models": [], "tests": {"run": 0, "passed": 0}, "code_tests": None, "data_diff": None,
        "breaking": [], "allowed_by": None, "sqlserver": {"ran": False, "is": "not run"}, "faults": [], "notes": [],
        "timings": {}, "artifacts": "",
    }  # fmt: skip
    assert markdown(nothing) == (
        "### ✅ dbt: all is well\n"
        "\n"
        "nothing built · not run\n"
        "\n"
        "Compared with nothing\n"
        "\n"
        "<details><summary>0 seconds</summary>\n"
        "\n"
        "| step | seconds |\n"
        "| --- | --- |\n"
        "\n"
        "</details>\n"
    )
