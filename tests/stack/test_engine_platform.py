"""The platform's own Compose files on a real engine. All three services are stand-ins, not the real ones."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dataops_cli import docker_api
from support import Dataops, clean_environment

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

ENVIRONMENT = """\
description = "A stack of the tests"
[warehouse]
engine = "sqlserver"
[stack]
enabled = true
name = "{name}"
prefix = "{name}-"
port_offset = 31000
profiles = ["cloudbeaver"]
timeout = 60
"""


@pytest.fixture
def platform(
    tmp_path: Path, new_platform: Callable[[Path], Path], swept: Callable[[str], None]
) -> tuple[Path, str]:
    """A new platform with an environment `teststack`, and the Compose project's name."""
    folder = new_platform(tmp_path / "my platform")
    name = f"dataops-test-{os.getpid()}"
    (folder / "environments" / "teststack.toml").write_text(ENVIRONMENT.format(name=name))
    swept(name)
    return folder, name


def containers(engine: docker_api.Engine, name: str) -> dict[str, str]:
    found = engine.containers(f"com.docker.compose.project={name}")
    return {item["Labels"]["com.docker.compose.service"]: item["Id"] for item in found}


def test_up_twice_edit_down(
    dataops: Dataops,
    engine: docker_api.Engine,
    platform: tuple[Path, str],
    stand_ins: dict[str, str],
    compose: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    folder, name = platform

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return dataops(*arguments, "--env", "teststack", cwd=folder, **stand_ins)

    first = run("up")
    assert first.returncode == 0, first.stderr
    assert first.stdout.endswith("teststack is up and healthy: 3 services, 7 changes.\n")
    secrets = folder / "environments" / "teststack.secrets.env"
    assert secrets.stat().st_mode & 0o777 == 0o600
    passwords = re.findall(r"'(\w{32})'", secrets.read_text())
    assert len(set(passwords)) == 2

    rows = json.loads(run("ps", "--json").stdout)
    assert {row["service"]: (row["state"], row["health"]) for row in rows} == dict.fromkeys(
        ("cloudbeaver", "postgres", "sqlserver"), ("running", "healthy")
    )
    before = containers(engine, name)
    documents = [engine.inspect(item) for item in before.values()]
    code, inside = engine.exec(before["postgres"], ["cat", "/run/secrets/postgres_password"])
    assert (code, inside.decode()) == (0, passwords[1])
    assert not any(password in json.dumps(documents) for password in passwords)
    for document in documents:
        published = document["NetworkSettings"]["Ports"].values()
        assert {port["HostIp"] for ports in published for port in ports or []} <= {"127.0.0.1"}

    again = run("up")
    assert again.stdout == "teststack is up and healthy: 3 services, no changes.\n"
    assert containers(engine, name) == before
    listed = compose("-p", name, "ps", "--format", "json", cwd=folder)
    assert {json.loads(line)["Service"] for line in listed.stdout.splitlines()} == {*before}

    compose_file = folder / "compose" / "compose.yml"
    compose_file.write_text(compose_file.read_text().replace("shm_size: 128m", "shm_size: 256m"))
    plan = run("up", "--plan")
    assert plan.stdout == f"recreate {name}-dataops-postgres: its configuration changed\n"
    assert containers(engine, name) == before
    assert run("up").returncode == 0
    after = containers(engine, name)
    assert {service for service in before if before[service] != after[service]} == {"postgres"}

    assert "stand-in started" in run("logs", "postgres").stdout
    assert run("stop").returncode == 0
    assert {row["state"] for row in json.loads(run("ps", "--json").stdout)} == {"exited"}
    assert run("up").returncode == 0

    down = run("down")
    assert down.returncode == 0, down.stderr
    label = f"com.docker.compose.project={name}"
    assert (engine.containers(label), engine.networks(label)) == ([], [])
    assert len(engine.volumes(label)) == 3

    secrets.unlink()
    missing = run("up")
    assert missing.returncode == 3
    assert "Missing secrets: secrets.sqlserver_sa_password, secrets.postgres_password" in missing.stderr
    assert not secrets.exists()

    assert run("down", "--volumes", "--yes").returncode == 0
    assert engine.volumes(label) == []


@pytest.mark.parametrize("seconds", [0.5, 0.8, 1.1, 1.5, 2.5])
def test_a_killed_up_is_finished_by_the_next(
    dataops: Dataops,
    engine: docker_api.Engine,
    platform: tuple[Path, str],
    stand_ins: dict[str, str],
    seconds: float,
) -> None:
    folder, name = platform
    process = subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "up", "--env", "teststack"],
        cwd=folder,
        env=clean_environment(**stand_ins),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = dataops("up", "--env", "teststack", cwd=folder, **stand_ins)
    assert done.returncode == 0, done.stderr
    found = engine.containers(f"com.docker.compose.project={name}")
    assert sorted(item["Names"][0] for item in found) == [
        f"/{name}-cloudbeaver",
        f"/{name}-dataops-postgres",
        f"/{name}-dataops-sqlserver",
    ]
    assert all("(healthy)" in item["Status"] for item in found)
    assert dataops("up", "--env", "teststack", cwd=folder, **stand_ins).stdout.endswith("no changes.\n")


def test_compose_and_we_take_away_what_the_other_made(
    dataops: Dataops,
    engine: docker_api.Engine,
    platform: tuple[Path, str],
    stand_ins: dict[str, str],
    compose: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    folder, name = platform
    assert dataops("up", "--env", "teststack", cwd=folder, **stand_ins).returncode == 0
    assert compose("-p", name, "down", cwd=folder).returncode == 0
    label = f"com.docker.compose.project={name}"
    assert (engine.containers(label), engine.networks(label)) == ([], [])

    file = folder / "theirs.yml"
    file.write_text("services: {web: {image: 'dataops-test/stand-in:1', init: true}}\n")
    assert compose("-p", name, "-f", str(file), "up", "-d", cwd=folder).returncode == 0
    shown = dataops("ps", "--env", "teststack", cwd=folder)
    assert f"{name}-web-1" in shown.stdout
    assert dataops("down", "--env", "teststack", cwd=folder).returncode == 0
    assert (engine.containers(label), engine.networks(label)) == ([], [])


def test_a_service_that_exits_is_named_with_its_log(
    dataops: Dataops, platform: tuple[Path, str], stand_ins: dict[str, str]
) -> None:
    folder, name = platform
    file = folder / "compose" / "compose.yml"
    file.write_text(
        "services:\n  bad:\n    image: dataops-test/stand-in:1\n"
        "    command: [sh, -c, 'echo no such thing; exit 7']\n"
        "    healthcheck: {test: 'true', interval: 1s}\n"
    )
    failed = dataops("up", "--env", "teststack", cwd=folder)
    assert failed.returncode == 1
    assert failed.stderr == (
        f"error: {name}-bad-1 exited with code 7\n"
        "  its log: no such thing\n"
        "  → Mend the cause, then run the command again: it goes on where it stopped. "
        f"Whole log: docker logs {name}-bad-1\n"
    )


def test_no_engine(dataops: Dataops, platform: tuple[Path, str]) -> None:
    failed = dataops("up", "--env", "teststack", cwd=platform[0], DOCKER_HOST="tcp://127.0.0.1:9")
    assert failed.returncode == 3
    assert "Cannot reach the Docker engine of tcp://127.0.0.1:9" in failed.stderr
    assert "Check DOCKER_HOST" in failed.stderr
