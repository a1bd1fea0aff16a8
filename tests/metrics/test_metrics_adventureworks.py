"""The metrics of a platform with Microsoft's real AdventureWorks rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support import Dataops

pytestmark = pytest.mark.slow

ROWS = {
    "slvr_customers": 19820,
    "slvr_products": 504,
    "slvr_sales_orders": 121317,
    "gld_customer_metrics": 19820,
    "gld_product_performance": 504,
    "gld_sales_summary": 1124,
}


def test_rows_and_outcomes(
    tmp_path: Path, adventureworks: Path, new_platform: Callable[[Path], Path], dataops: Dataops
) -> None:
    folder = new_platform(tmp_path / "platform")
    for command in (["source", "load", "--from", adventureworks], ["run"]):
        done = dataops(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
    written = dataops("metrics", "--health", "--out", folder / "dataops.prom", cwd=folder)
    assert written.returncode == 0, written.stderr
    samples = [
        sample
        for family in text_string_to_metric_families((folder / "dataops.prom").read_text())
        for sample in family.samples
    ]
    rows = {item.labels["model"]: item.value for item in samples if item.name == "dataops_published_rows"}
    assert ROWS.items() <= rows.items()
    built = {item.labels["model"]: item.value for item in samples if item.name == "dataops_model_success"}
    assert built == dict.fromkeys(rows, 1)
    tests = [item for item in samples if item.name == "dataops_model_tests" and item.value]
    assert {item.labels["status"] for item in tests} == {"pass"}
    assert {item.labels["layer"] for item in tests} == {"source", "bronze", "silver", "gold"}
    failed = [
        item.labels["check"]
        for item in samples
        if item.name == "dataops_health_check" and item.labels["result"] == "fail" and item.value
    ]
    assert failed == []
