"""A real Docker engine and one small image for the tests that need them."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which

import pytest

from dataops_cli import docker_api
from dataops_cli.errors import DataopsError
from dataops_cli.stack.state import State
from support import STAND_IN, absent

# Stands in for SQL Server and CloudBeaver: it keeps the health checks' names and ports, and nothing else.
SCRIPTS = {
    "opt/mssql/bin/sqlservr": "exec /bin/stand-in",
    "opt/mssql-tools/bin/sqlcmd": '[ -n "$SQLCMDPASSWORD" ]',
    "bin/pg_isready": "test -s /run/secrets/postgres_password",
    "opt/cloudbeaver/launch-product.sh": "exec /bin/stand-in",
    "opt/cloudbeaver/conf/.keep": "",
    "bin/stand-in": 'trap "exit 0" TERM\nhttpd -p 8978 -h /www\necho "stand-in started"\n'
    "while true; do sleep 0.2; done",
}
MADE_OF = hashlib.sha256(repr(SCRIPTS).encode()).hexdigest()
APPLETS = ("sh", "cat", "sleep", "httpd", "wget", "test", "echo", "true", "false", "id", "ls", "env")


@pytest.fixture(scope="session")
def engine() -> docker_api.Engine:
    """The local engine, with the stand-in image."""
    try:
        found = docker_api.connect()
    except DataopsError as error:
        absent("an engine", error.reason)
    busybox = which("busybox")
    if busybox is None:
        absent("busybox", "busybox is not there")
    there = found.image(STAND_IN)
    if there is None or (there["Config"]["Labels"] or {}).get("made-of") != MADE_OF:
        _import(Path(str(busybox)))
    return found


@pytest.fixture(scope="session")
def compose(engine: docker_api.Engine) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The real `docker compose`, in a folder, with nothing of our environment but `variables`."""

    def run(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        return subprocess.run(
            ["docker", "compose", *arguments],
            cwd=cwd,
            env=kept | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    if run("version", cwd=Path("/")).returncode:
        absent("docker compose", "docker compose does not run")
    return run


@pytest.fixture
def stand_ins() -> dict[str, str]:
    """Images that can be had here, in place of the public ones. See .ci/engine for all but the stand-in."""
    return {
        "SQLSERVER_IMAGE": STAND_IN,
        "CLOUDBEAVER_IMAGE": STAND_IN,
        "POSTGRES_IMAGE": "dataops-test/postgres:15",
        "REDIS_IMAGE": "dataops-test/redis:7",
        "PYTHON_IMAGE": "dataops-test/python:3.11",
    }


@pytest.fixture
def swept(engine: docker_api.Engine) -> Iterator[Callable[[str], None]]:
    """Names projects that are removed with their volumes after the test, whatever became of it."""
    projects: list[str] = []
    yield projects.append
    for project in projects:
        label = f"com.docker.compose.project={project}"
        for container in engine.containers(label):
            engine.remove(container["Id"])
        State(engine, project, "").take_away()
        for network in engine.networks(label):
            engine.remove_network(network["Name"])
        for volume in engine.volumes(label):
            engine.remove_volume(volume["Name"])


def _import(busybox: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in (
            {"bin/busybox": busybox.read_bytes()}.items()
            | {name: f"#!/bin/sh\n{text}\n".encode() for name, text in SCRIPTS.items()}.items()
            | {"www/index.html": b"stand-in\n"}.items()
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    changes = ['CMD ["/bin/stand-in"]', "WORKDIR /opt/cloudbeaver", f"LABEL made-of={MADE_OF}"]
    subprocess.run(
        ["docker", "import", *(word for change in changes for word in ("--change", change)), "-", STAND_IN],
        input=buffer.getvalue(),
        check=True,
        capture_output=True,
    )
