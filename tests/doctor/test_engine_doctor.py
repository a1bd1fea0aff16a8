"""The checks on a real engine, with ports held by containers and by this process."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dataops_cli import docker_api
from dataops_cli.errors import DataopsError
from support import Dataops, absent, free_port

pytestmark = pytest.mark.engine

IMAGE = "dataops-test/python:3.11"
NAME = f"dataops-doctor-{os.getpid()}"
STACK = """\
[warehouse]
engine = "sqlserver"
[dbt]
runner = "container"
[stack]
enabled = true
files = ["compose/small.yml"]
name = "{name}"
"""


@pytest.fixture(scope="module")
def engine() -> docker_api.Engine:
    try:
        found = docker_api.connect()
    except DataopsError as error:
        absent("an engine", error.reason)
    if found.image(IMAGE) is None:
        absent(f"the image {IMAGE}", "it is not there")
    return found


@pytest.fixture
def hold(engine: docker_api.Engine) -> Iterator[Callable[[str], int]]:
    """Runs a container of a project that publishes a port, which it returns."""
    made: list[str] = []

    def run(project: str) -> int:
        port = free_port()
        made.append(
            engine.create(
                f"{project}-holder",
                {
                    "Image": IMAGE,
                    "Cmd": ["sleep", "300"],
                    "Labels": {"com.docker.compose.project": project},
                    "ExposedPorts": {"80/tcp": {}},
                    "HostConfig": {
                        "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]},
                        "Init": True,
                    },
                },
            )
        )
        engine.start(made[-1])
        return port

    yield run
    for container in made:
        engine.remove(container)


def test_ports_and_by_whom_they_are_held(
    dataops_here: Dataops,
    new_platform: Callable[[Path], Path],
    tmp_path: Path,
    hold: Callable[[str], int],
) -> None:
    folder = new_platform(tmp_path / "platform")
    (folder / "environments" / "small.toml").write_text(STACK.format(name=NAME))

    def doctor(*published: int) -> tuple[int, dict[str, dict[str, Any]]]:
        listed = ", ".join(f'"127.0.0.1:{port}:80"' for port in published)
        (folder / "compose" / "small.yml").write_text(
            f"services: {{web: {{image: nothing, mem_limit: 4096t, ports: [{listed}]}}}}\n"
        )
        done = dataops_here("doctor", "--env", "small", "--json", cwd=folder)
        return done.returncode, {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    own, theirs, free = hold(NAME), hold(f"{NAME}-other"), free_port()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        ephemeral = probe.getsockname()[1]
    code, checks = doctor(own, free)
    assert code == 0, checks
    assert checks["ports"]["result"] == "ok"
    assert checks["ports"]["found"] == f"{own} (web): this stack's own, {NAME}-holder\n{free} (web): free"
    assert checks["engine"]["found"].startswith("Docker ")
    assert checks["engine disk"]["result"] in ("ok", "warn")
    assert checks["memory"]["result"] == "warn"
    assert "the limits of the stack add up to 4194304.0 GB" in checks["memory"]["found"]
    assert checks["clock"]["found"].endswith("UTC, as the engine's")
    assert checks["ODBC driver"]["result"] in ("ok", "warn")  # dbt runs in its container

    code, checks = doctor(ephemeral)
    assert (code, checks["ports"]["result"]) == (0, "warn"), checks
    assert checks["ports"]["found"].startswith(
        f"{ephemeral} (web): free now, but this machine's connections may"
    )

    with socket.create_server(("127.0.0.1", 0)) as held:
        mine = held.getsockname()[1]
        code, checks = doctor(theirs, mine)
    assert code == 1
    process = Path("/proc/self/comm").read_text().strip()
    assert checks["ports"]["found"].splitlines() == [
        f"{theirs} (web): held by the container {NAME}-other-holder of the project {NAME}-other",
        f"{mine} (web): held by the process {process} (pid {os.getpid()})",
    ]
    assert f"docker stop {NAME}-other-holder" in checks["ports"]["remedy"]
    assert f"kill {os.getpid()}" in checks["ports"]["remedy"]
