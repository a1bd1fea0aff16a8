"""Compose beside us on a real Docker engine, and the images that can be had here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataops_cli import docker_api
from local_engine import STAND_IN
from support import absent
from sweep import sweep


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
            timeout=300,
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
        sweep(engine, project)
