"""Images from a real registry, which the test runs on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which

import pytest

from dataops_cli import docker_api
from support import STAND_IN, Dataops, absent

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]


@pytest.fixture
def registry(tmp_path: Path, engine: docker_api.Engine) -> Iterator[str]:
    """The address of an empty registry."""
    if which("docker-registry") is None:
        absent("a registry", "docker-registry is not there")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (tmp_path / "registry.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/blobs}}}}\nhttp: {{addr: {address}}}\n"
    )
    server = subprocess.Popen(
        ["docker-registry", "serve", str(tmp_path / "registry.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    host, port = address.split(":")
    for _ in range(50):
        with socket.socket() as attempt:
            if attempt.connect_ex((host, int(port))) == 0:
                break
        time.sleep(0.1)
    yield address
    server.terminate()
    server.wait()


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def test_images_are_pulled_when_missing_and_when_asked(
    dataops: Dataops,
    tmp_path: Path,
    new_platform: Callable[[Path], Path],
    swept: Callable[[str], None],
    engine: docker_api.Engine,
    registry: str,
) -> None:
    folder, name, image = (
        new_platform(tmp_path / "platform"),
        f"dataops-pull-{os.getpid()}",
        f"{registry}/web:1",
    )
    swept(name)
    (folder / "environments" / "pull.toml").write_text(
        f'[stack]\nenabled = true\nname = "{name}"\nfiles = ["compose/pull.yml"]\n'
    )
    (folder / "compose" / "pull.yml").write_text(
        f"services:\n  web:\n    image: {image}\n    init: true\n    healthcheck: {{test: 'true', interval: 1s}}\n"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return dataops(*arguments, "--env", "pull", cwd=folder)

    missing = run("up")
    assert missing.returncode == 3
    assert f"error: Cannot pull {image}" in missing.stderr
    assert f"docker pull {image}" in missing.stderr

    docker("tag", STAND_IN, image)
    docker("push", image)
    docker("rmi", image)
    up = run("up", "--verbose")
    assert up.returncode == 0, up.stderr
    assert f"pull {image}: the image is missing\n" in up.stdout
    assert "Pulling from web" in up.stderr
    assert run("up").stdout.endswith("no changes.\n")

    # The tag means another image from now on: nobody sees it until a pull is asked for.
    made = docker("create", STAND_IN)
    docker("commit", "--change", "LABEL newer=1", made, image)
    docker("rm", made)
    docker("push", image)
    docker("tag", STAND_IN, image)
    assert run("up").stdout.endswith("no changes.\n")
    assert run("pull", "--plan").stdout == f"pull {image}: a pull was asked for\n"
    assert run("pull").returncode == 0
    assert run("up", "--plan").stdout == f"recreate {name}-web-1: its image changed\n"
    assert run("up", "--pull", "never").returncode == 0
    [container] = engine.containers(f"com.docker.compose.project={name}")
    assert engine.inspect(container["Id"])["Config"]["Labels"]["newer"] == "1"

    assert run("down").returncode == 0
    docker("rmi", image)
    refused = run("up", "--pull", "never")
    assert refused.returncode == 3
    assert f"needs the image {image}" in refused.stderr
