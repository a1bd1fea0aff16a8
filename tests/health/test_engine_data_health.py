"""The checks of dbt and the data, made in dbt's container, whose volume holds the warehouse."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.small_platform import Platform
from health.data_looking import DATA
from local_engine import local_engine

pytestmark = pytest.mark.engine

DBT = ("dbt", "dbt-versions")
# All but `dbt` itself, which takes long on a busy machine.
QUICK = ("--layer", "data", "--check", "dbt-versions")
# What is well may be late on a busy machine.
WELL = (*QUICK, "--wait", "3m")
LAYERS = ("--layer", "dbt", "--layer", "data")
# The command of the image, and where it is put aside.
COMMAND, ASIDE = "/opt/dbt/venv/bin/dataops", "/opt/dbt/venv/bin/dataops.aside"


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path]
) -> Iterator[Platform]:
    """A platform that is up, with a generation of a generated source."""
    local_engine()
    folder = new_platform(tmp_path_factory.mktemp("inside") / "platform")
    found = Platform(folder, f"dataops-data-health-{os.getpid()}")
    found.write()
    found.commit("one")
    try:
        up = found.run("up")
        assert up.returncode == 0, up.stdout + up.stderr
        inside(found, "dataops", "source", "generate")
        found.done("run")
        yield found
    finally:
        found.down()


def inside(platform: Platform, *command: str, user: str = "50000") -> str:
    ended = subprocess.run(
        ["docker", "exec", "--user", user, platform.dbt, *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def health(platform: Platform, *arguments: str, **variables: str) -> tuple[int, dict[str, dict[str, Any]]]:
    ended = platform.run("health", *(arguments or QUICK), "--json", **variables)
    assert ended.stdout, ended.stderr
    checks = {item["name"]: item for item in json.loads(ended.stdout)["checks"]}
    assert checks.pop("engine")["result"] == "ok"
    return ended.returncode, checks


def bad(checks: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: item["result"] for name, item in checks.items() if item["result"] != "ok"}


def test_the_container_says_what_it_found(platform: Platform) -> None:
    code, found = health(platform, *WELL)
    assert (code, bad(found)) == (0, {})
    assert list(found) == ["dbt-versions", *DATA]
    assert found["relations"]["found"] == "3 views and 6 tables"
    assert found["dbt-versions"]["found"].startswith("dbt-core 1.")
    assert not list((platform.folder / ".dataops").glob("*/*.duckdb"))  # nothing was looked at here


def test_dbt_begins_there(platform: Platform) -> None:
    code, found = health(platform, "--layer", "dbt", "--wait", "3m")
    assert (code, list(found), bad(found)) == (0, list(DBT), {})
    assert found["dbt"]["found"].endswith("reaches the warehouse")


def test_the_schedule_is_known_there(platform: Platform) -> None:
    _code, found = health(platform, "--check", "publication", DATAOPS_AIRFLOW__SCHEDULE="0 0 1 1 *")
    assert "after it was due at " in found["publication"]["found"]
    _code, found = health(platform, "--check", "publication")
    assert "there is no schedule" in found["publication"]["found"]


def test_a_table_emptied_in_the_volume(platform: Platform) -> None:
    path = "/opt/dataops/.dataops/flow/warehouse.duckdb"
    write = (
        "import duckdb, os, shutil, sys; path = os.path.realpath(sys.argv[1]); shutil.copy2(path, '/tmp/kept'); "
        "os.chmod(path, 0o644); c = duckdb.connect(path); c.execute('delete from silver.slvr_customers'); c.close()"
    )
    python = "/opt/dbt/venv/bin/python"
    inside(platform, python, "-c", write, path)
    code, found = health(platform)
    assert (code, bad(found)) == (1, {"rows": "fail"})
    assert found["rows"]["found"].startswith("silver.slvr_customers has 0 rows, and was published with ")
    assert "dataops run" in found["rows"]["remedy"]
    inside(platform, "sh", "-c", f"cp -f /tmp/kept $(readlink -f {path})")
    code, found = health(platform, *WELL)
    assert (code, bad(found)) == (0, {})


def test_a_container_that_does_not_run(platform: Platform) -> None:
    subprocess.run(["docker", "stop", "--time", "1", platform.dbt], check=True, capture_output=True)
    begun = time.monotonic()
    code, found = health(platform, *LAYERS)
    assert time.monotonic() - begun < 40  # what dbt may take
    assert code == 1
    assert bad(found) == dict.fromkeys([*DBT, *DATA], "skipped") | {"dbt": "fail", "relations": "fail"}
    for name in ("dbt", "relations"):
        assert found[name]["found"].startswith("Service dbt does not run")
        assert "up dbt" in found[name]["remedy"]
    assert not found["rows"]["remedy"]
    assert platform.run("up", "dbt").returncode == 0
    code, found = health(platform, *WELL)
    assert (code, bad(found)) == (0, {})


def put_in_place(platform: Platform, script: str) -> None:
    """Another command in place of `dataops`, whose own is put aside."""
    text = f"test -e {ASIDE} || mv {COMMAND} {ASIDE}; printf '%s\\n' '#!/bin/sh' \"$0\" > {COMMAND}; chmod a+x {COMMAND}"
    inside(platform, "sh", "-c", text, script, user="0")


def put_back(platform: Platform) -> None:
    inside(platform, "mv", ASIDE, COMMAND, user="0")


def test_a_command_that_hangs_costs_the_deadline_of_its_checks(platform: Platform) -> None:
    put_in_place(platform, "exec sleep 300")
    try:
        begun = time.monotonic()
        code, found = health(platform, *QUICK, "--timeout", "9")
        seconds = time.monotonic() - begun
    finally:
        put_back(platform)
    assert 9 < seconds < 30
    assert code == 1
    assert bad(found) == dict.fromkeys(["dbt-versions", *DATA], "fail")
    assert {item["found"] for item in found.values()} == {"no answer within 9 s"}
    code, found = health(platform, *WELL)
    assert (code, bad(found)) == (0, {})


def test_a_command_that_knows_no_health(platform: Platform) -> None:
    put_in_place(platform, "echo dataops: no such command >&2; exit 2")
    try:
        code, found = health(platform, *LAYERS)
    finally:
        put_back(platform)
    assert code == 1
    assert bad(found) == dict.fromkeys([*DBT, *DATA], "skipped") | {"dbt": "fail", "relations": "fail"}
    assert (
        found["dbt"]["found"] == "dataops health in dbt's container ended with exit code 2, and said nothing"
    )
    assert "build dbt" in found["dbt"]["remedy"]
