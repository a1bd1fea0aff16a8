"""`dataops backup` and `dataops snapshot`, as far as they need no engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from dataops_cli.warehouse.embedded import EmbeddedWarehouse
from dataops_cli.warehouse.generation import Generation
from dataops_cli.warehouse.lock import hold
from support import Dataops


@pytest.fixture
def platform(tmp_path: Path, new_platform: Callable[[Path], Path]) -> Path:
    return new_platform(tmp_path / "my platform")


@pytest.mark.parametrize("arguments", [("backup",), ("backup", "create"), ("backup", "restore", "x")])
def test_an_environment_without_a_stack_has_no_backups(
    dataops_here: Dataops, platform: Path, arguments: tuple[str, ...]
) -> None:
    done = dataops_here(*arguments, cwd=platform)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: The environment local has no stack (stack.enabled is false)\n")


def test_an_unknown_part_is_wrong_usage(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("backup", "restore", "x", "--only", "source", "--env", "prod", cwd=platform)
    assert done.returncode == 2
    assert "error: There is no part source\n  → Parts: metadata, warehouse, both\n" in done.stderr


def test_prod_begins_a_deployment_with_a_backup(dataops_here: Dataops, platform: Path) -> None:
    for name, wanted in (("prod", True), ("staging", False)):
        done = dataops_here(
            "config", "explain", "backup.before_deploy", "--env", name, "--json", cwd=platform
        )
        assert json.loads(done.stdout)["value"] is wanted


def test_snapshots_answer_in_json_and_are_in_no_help(dataops_here: Dataops, platform: Path) -> None:
    none = dataops_here("--json", "--quiet", "snapshot", "take", "x", cwd=platform)
    assert json.loads(none.stdout) == {"files": [], "generation": None}
    warehouse = EmbeddedWarehouse(platform / ".dataops" / "local")
    with hold(warehouse.home, "test") as lease:
        candidate = warehouse.begin(f"20260101T000000-{lease.number}", from_published=False)
        duckdb.connect(str(candidate.path)).close()
        made = Generation(candidate.run_id, lease.number, None, None, {}, "2026-01-01T00:00:00+00:00")
        warehouse.publish(candidate, made, lease)
    taken = dataops_here("--json", "--quiet", "snapshot", "take", "x", cwd=platform)
    answer = json.loads(taken.stdout)
    assert [file["name"] for file in answer["files"]] == ["warehouse.duckdb"]
    assert answer["generation"]["run_id"] == made.run_id
    generation = json.dumps(answer["generation"])
    again = dataops_here("--json", "snapshot", "publish", "x", "--generation", generation, cwd=platform)
    assert again.returncode == 0, again.stderr
    current = warehouse.published()
    assert current is not None
    assert current.run_id == json.loads(again.stdout)["run_id"] != made.run_id
    assert "snapshot" not in dataops_here("--help", cwd=platform).stdout
