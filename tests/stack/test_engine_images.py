"""Images from a real registry, which the test runs on this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataops_cli import docker_api
from dataops_cli.stack.certificate import as_line, key_and_certificate
from local_engine import STAND_IN
from own_registry import own_registry
from support import Dataops

pytestmark = pytest.mark.engine


@pytest.fixture
def registry(tmp_path: Path, engine: docker_api.Engine) -> Iterator[str]:
    """The address of an empty registry."""
    with own_registry(tmp_path) as address:
        yield address


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


# A worker that takes no tasks: what the platform's own file adds to the service fits it.
WORKER = """\
services:
  dbt:
    image: ${DBT_IMAGE:-dataops-dbt}:${IMAGE_TAG:-dev}
    build: {context: ./image}
    init: true
    healthcheck: {test: 'true', interval: 1s}
    secrets: [redis_password, warehouse_password]
    volumes: ["state:/state"]
volumes: {state: {}}
secrets:
  redis_password: {environment: REDIS_PASSWORD}
  warehouse_password: {environment: WAREHOUSE_PASSWORD}
  tls_certificate: {environment: TLS_CERTIFICATE}
"""
SETTINGS = """\
[warehouse]
engine = "sqlserver"
[stack]
enabled = true
name = "{name}"
prefix = "{name}-"
files = ["compose/small.yml"]
registry = "{registry}/of/ours"
[worker]
host = "stack.example"
certificate = "{certificate}"
"""


def test_images_are_pushed_and_a_worker_elsewhere_pulls_that_of_its_commit(
    dataops: Dataops,
    tmp_path: Path,
    new_platform: Callable[[Path], Path],
    swept: Callable[[str], None],
    engine: docker_api.Engine,
    registry: str,
) -> None:
    folder, name = new_platform(tmp_path / "platform"), f"dataops-push-{os.getpid()}"
    swept(f"{name}-worker")
    line = as_line(key_and_certificate("a secret", "stack.example")[1])
    (folder / "environments" / "push.toml").write_text(
        SETTINGS.format(name=name, registry=registry, certificate=line)
    )
    (folder / "environments" / "push.secrets.env").write_text(
        "DATAOPS_WAREHOUSE__PASSWORD='x'\nDATAOPS_SECRETS__REDIS_PASSWORD='y'\n"
    )
    (folder / "compose" / "small.yml").write_text(WORKER)
    (folder / "compose" / "workers.yml").write_text("services: {}\n")
    (folder / "compose" / "image").mkdir()
    (folder / "compose" / "image" / "Dockerfile").write_text(
        f"FROM {STAND_IN}\nRUN echo 'exec /bin/stand-in' > /bin/worker && /bin/busybox chmod +x /bin/worker\n"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return dataops(*arguments, "--env", "push", cwd=folder)

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init")
    git("add", "--all")
    git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "--message", "first")
    image = f"{registry}/of/ours/dataops-dbt:{git('rev-parse', '--short=12', 'HEAD')}"
    missing = run("push")
    assert missing.returncode == 3
    assert f"error: {image} is not built\n" in missing.stderr
    assert run("build").returncode == 0
    assert run("push", "--plan").stdout == f"push {image}: it was asked for\n"
    pushed = run("push")
    assert pushed.returncode == 0, pushed.stderr
    docker("rmi", image)

    up = run("worker", "up")
    assert up.returncode == 0, up.stderr
    assert f"pull {image}: the image is missing\n" in up.stdout
    [container] = engine.containers(f"com.docker.compose.project={name}-worker")
    assert container["Image"] == image

    # Of another commit there is no image yet: none is built in its place.
    git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "--allow-empty", "--message", "second")
    refused = run("worker", "up")
    assert refused.returncode == 3
    assert f"error: Cannot pull {registry}/of/ours/dataops-dbt:{git('rev-parse', '--short=12', 'HEAD')}" in (
        refused.stderr
    )
    assert run("worker", "down").returncode == 0
    docker("rmi", image)
