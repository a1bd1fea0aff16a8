"""The linter's findings: none, in either dialect, with the configuration at the top of the repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from warehouse.builds import DBT, Built, clean_copy, install_packages

# What is compiled has the layout of the macros that it comes from, and the adapter's spelling of types.
NOT_OF_COMPILED_SQL = "layout,CP02,CP05,RF04,ST06"


def lint(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`sqlfluff lint` in a folder, as CI calls it."""
    shutil.copy(DBT.parent / ".sqlfluff", folder)
    return subprocess.run(
        [sys.executable, "-m", "sqlfluff", "lint", "--nocolor", "--disable-progress-bar", *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def with_findings(outcome: subprocess.CompletedProcess[str]) -> dict[str, set[str]]:
    """The rules that each file breaks, of the files that break one."""
    assert outcome.returncode in (0, 1), outcome.stdout + outcome.stderr
    # dbt's templater says what it does before the findings.
    findings = json.loads(outcome.stdout[outcome.stdout.index("[{") :])
    return {
        file["filepath"]: {violation["code"] for violation in file["violations"]}
        for file in findings
        if file["violations"]
    }


def test_only_a_wrong_model_has_findings_for_duckdb(generated: Built, tmp_path: Path) -> None:
    project = clean_copy(tmp_path / "dbt")
    install_packages(project, tmp_path)
    (project / "models/gold/wrong.sql").write_text(
        "select MIN(order_date) d from {{ ref('slvr_sales_orders') }}\n"
    )
    # dbt wants a warehouse to compile.
    environment = generated.copy_to(tmp_path / "built").candidate.dbt_environment()
    outcome = lint(tmp_path, "--format", "json", "dbt/models", "dbt/tests", **environment)
    found = with_findings(outcome)
    assert set(found) == {"dbt/models/gold/wrong.sql"}
    assert found["dbt/models/gold/wrong.sql"] >= {"AL02", "CP03"}


def test_only_a_wrong_query_has_findings_for_tsql(
    tsql_manifest: dict[str, Any], shared: Path, tmp_path: Path
) -> None:
    """Models and the tests that are queries of their own; generic tests are written for any model."""
    compiled = shared / "compiled-tsql" / "compiled" / "dataops"
    files = [*compiled.glob("models/*/*.sql"), *compiled.glob("tests/**/*.sql")]
    written = [*DBT.glob("models/**/*.sql"), *DBT.glob("tests/**/*.sql")]
    assert sorted(path.name for path in files) == sorted(path.name for path in written)
    for path in files:
        shutil.copy(path, tmp_path)
    (tmp_path / "wrong.sql").write_text("SELECT a b from t\n")
    outcome = lint(
        tmp_path,
        "--format",
        "json",
        "--dialect",
        "tsql",
        "--templater",
        "raw",
        "--exclude-rules",
        NOT_OF_COMPILED_SQL,
        ".",
    )
    assert with_findings(outcome) == {"wrong.sql": {"AL02", "CP01"}}
