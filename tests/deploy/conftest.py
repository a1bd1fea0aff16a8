from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.small_platform import Platform, new_name
from local_engine import local_engine


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path]
) -> Iterator[Platform]:
    """A platform that is up and has a source, and no release yet."""
    local_engine()
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
