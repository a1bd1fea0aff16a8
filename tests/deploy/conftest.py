from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataops_cli import docker_api
from dataops_cli.errors import DataopsError
from deploy.small_platform import Platform, new_name
from support import absent


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path]
) -> Iterator[Platform]:
    """A platform that is up and has a source, and no release yet."""
    try:
        docker_api.connect()
    except DataopsError as error:
        absent("an engine", error.reason)
    found = Platform(new_platform(tmp_path_factory.mktemp("deploy") / "platform"), new_name())
    found.write()
    found.commit("none")
    try:
        up = found.run("up")
        assert up.returncode == 0, up.stdout + up.stderr
        subprocess.run(
            ["docker", "exec", found.dbt, "dataops", "source", "generate"], check=True, capture_output=True
        )
        yield found
    finally:
        found.down()
