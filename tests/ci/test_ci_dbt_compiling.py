"""What does not compile is a fault, also where only one of the engines knows of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dataops_cli.ci.dbt_compiling import faults
from dataops_cli.ci.dbt_places import Place, Places
from dataops_cli.dbt.results import NodeResult
from dataops_cli.settings.model import Engine


def result(unique_id: str, status: str, message: str | None) -> NodeResult:
    return NodeResult(
        unique_id=unique_id,
        status=status,
        message=message,
        failures=None,
        seconds=0.0,
        compiled_sql=None,
    )


def test_a_model_of_sql_server_alone_that_does_not_compile(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "only.sql").write_text("select 1\n")
    side: Any = SimpleNamespace(document={"nodes": {}})
    results = [
        result("model.small.fine", "success", None),
        result("model.small.only", "error", "Compilation Error in model only (models/only.sql)"),
    ]
    (found,) = faults(side, Engine.SQLSERVER, results, Places(tmp_path, "dbt"))
    assert (found.what, found.place) == ("compile only for sqlserver", Place("dbt/models/only.sql", 1))
