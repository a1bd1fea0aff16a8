"""What lets everything be built: also what lies beside the dbt project."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.ci.dbt_selection import concerns_all

MANIFEST: dict[str, Any] = {"nodes": {}, "sources": {}, "macros": {}, "unit_tests": {}, "metadata": {}}


def side(folder: Path) -> Any:
    folder.mkdir()
    return SimpleNamespace(platform=folder, environment=SimpleNamespace(name="ci"), document=MANIFEST)


@pytest.mark.parametrize(
    ("file", "concerns"),
    [
        ("dbt/dbt_project.yml", True),
        ("requirements/run.txt", True),  # another version of dbt or DuckDB
        ("requirements/dataops.txt", True),
        ("environments/base.toml", True),
        ("environments/ci.toml", True),
        ("environments/prod.toml", False),
        ("docs/a.md", False),
    ],
)
def test_files_that_decide_on_every_model(tmp_path: Path, file: str, concerns: bool) -> None:
    branch, base = side(tmp_path / "branch"), side(tmp_path / "base")
    path = branch.platform / file
    path.parent.mkdir(parents=True)
    path.write_text("changed")
    assert concerns_all(branch, base) == (f"{file} differs from the base" if concerns else None)
