"""`dataops source`: switched in whole, or the source is as it was."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from support import Dataops


@pytest.fixture
def platform(tmp_path: Path, new_platform, dataops_here: Dataops) -> Path:
    folder = new_platform(tmp_path / "platform")
    assert dataops_here("source", "generate", "--scale", 0.01, "--seed", 3, cwd=folder).returncode == 0
    return folder


def source(platform: Path) -> tuple[int, bytes]:
    path = platform / ".dataops/local/source.duckdb"
    return path.stat().st_ino, path.read_bytes()


def test_the_same_seed_gives_the_same_figures(dataops_here: Dataops, platform: Path) -> None:
    def figures(seed: int) -> object:
        done = dataops_here("source", "generate", "--scale", 0.02, "--seed", seed, "--json", cwd=platform)
        assert done.returncode == 0
        return json.loads(done.stdout)["totals"]

    assert figures(5) == figures(5) != figures(6)


def test_if_missing_leaves_what_is_there(dataops_here: Dataops, platform: Path) -> None:
    before = source(platform)
    assert dataops_here("source", "generate", "--if-missing", cwd=platform).returncode == 0
    assert source(platform) == before


def test_a_plan_loads_nothing(dataops_here: Dataops, platform: Path, adventureworks: Path) -> None:
    before = source(platform)
    done = dataops_here("source", "load", "--from", adventureworks, "--plan", cwd=platform)
    assert done.stdout.splitlines()[-1] == "switch all seven tables in together"
    assert len(done.stdout.splitlines()) == 8
    assert source(platform) == before


@pytest.mark.parametrize("fault", ["missing file", "truncated", "bad type", "missing column"])
def test_a_fault_leaves_the_source_as_it_was(
    dataops_here: Dataops, platform: Path, adventureworks: Path, tmp_path: Path, fault: str
) -> None:
    before = source(platform)
    folder = tmp_path / "data with a 'quote'"
    shutil.copytree(adventureworks, folder)
    path = folder / "Sales.SalesOrderDetail.csv.gz"
    path.parent.chmod(0o755)
    path.chmod(0o644)
    text = gzip.decompress(path.read_bytes()).decode()
    match fault:
        case "missing file":
            path.unlink()
            expected, code = "Sales.SalesOrderDetail", 2
        case "truncated":
            path.write_bytes(path.read_bytes()[:-1000])
            expected, code = "Sales.SalesOrderDetail.csv.gz", 1
        case "bad type":
            path.write_bytes(
                gzip.compress(text.replace("43659,2,4911-403C-98,3,", "43659,2,4911-403C-98,three,").encode())
            )
            expected, code = "Sales.SalesOrderDetail.csv.gz, line 3, column OrderQty", 1
        case _:
            path.write_bytes(gzip.compress(text.replace("OrderQty", "Quantity", 1).encode()))
            expected, code = "OrderQty", 1
    done = dataops_here("source", "load", "--from", folder, cwd=platform)
    assert done.returncode == code
    assert expected in done.stderr
    assert "  → " in done.stderr
    assert source(platform) == before
    assert sorted(item.name for item in (platform / ".dataops/local/loading").iterdir()) == [
        "lock",
        "lock.json",
    ]


@pytest.mark.parametrize(
    "arguments", [["--scale", "0"], ["--scale", "-1"], ["--scale", "x"], ["--seed", "x"]]
)
def test_wrong_options(dataops_here: Dataops, platform: Path, arguments: list[str]) -> None:
    before = source(platform)
    assert dataops_here("source", "generate", *arguments, cwd=platform).returncode == 2
    assert source(platform) == before


def test_a_source_in_sql_server_wants_the_administrators_password(
    dataops_here: Dataops, platform: Path
) -> None:
    done = dataops_here("source", "generate", "--scale", "0.01", "--env", "dev", cwd=platform)
    assert done.returncode == 3
    assert "The password of sa is not set: secrets.sqlserver_sa_password" in done.stderr


def test_a_folder_is_looked_at_before_the_server(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("source", "load", "--from", "/nonexist", "--env", "dev", cwd=platform)
    assert done.returncode == 2
    assert "/nonexist" in done.stderr


def test_grants_are_of_sql_server(dataops_here: Dataops, platform: Path) -> None:
    done = dataops_here("source", "grants", cwd=platform)
    assert done.returncode == 2
    assert "has an embedded warehouse, which knows no logins" in done.stderr


def test_a_source_in_dbts_container_is_loaded_there(
    dataops_here: Dataops, platform: Path, adventureworks: Path
) -> None:
    (platform / "environments" / "boxed.toml").write_text(
        '[warehouse]\nengine = "duckdb"\n[dbt]\nrunner = "container"\n'
        '[stack]\nenabled = true\nfiles = ["compose/compose.yml"]\nprefix = "boxed-"\n'
    )
    done = dataops_here("source", "load", "--from", str(adventureworks), "--env", "boxed", cwd=platform)
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        [
            "error: The source of boxed is a file in its dbt container, which sees no folder of this machine",
            "  → Copy the files there: tar -C DIR -c . | docker exec -i boxed-dataops-dbt "
            "sh -c 'mkdir -p /tmp/source && tar -C /tmp/source -x' · Load them: dataops exec --env boxed dbt -- dataops source load --env boxed --from /tmp/source",
        ],
    )
