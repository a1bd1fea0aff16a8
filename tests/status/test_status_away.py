"""An environment whose engine and Airflow are away, or hang: what can be known is shown, in time."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataops_cli.errors import ExitCode
from support import Dataops

# The dev environment asks all of them.
PARTS = {"engine", "containers", "deployments", "lock", "data", "pipeline"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path]) -> Path:
    return new_platform(tmp_path_factory.mktemp("away") / "platform")


def looked(dataops: Dataops, platform: Path, address: str, **variables: str) -> tuple[int, Any, float]:
    """Exit code and document of the status with an engine there, and the seconds it took."""
    begun = time.monotonic()
    done = dataops(
        "status", "--env", "dev", "--json", cwd=platform, DOCKER_HOST=f"tcp://{address}", **variables
    )
    return done.returncode, json.loads(done.stdout), time.monotonic() - begun


def test_nothing_listens(platform: Path, dataops: Dataops) -> None:
    code, found, _took = looked(dataops, platform, "127.0.0.1:1")
    assert code == ExitCode.UNAVAILABLE
    assert found["unavailable"].keys() == PARTS
    assert "Connection refused" in found["unavailable"]["engine"]["reason"]
    assert found["unavailable"]["lock"]["reason"] == "the engine is not reachable"
    assert [alert["about"] for alert in found["alerts"]] == ["engine"]
    assert (found["environment"], found["warehouse"], found["runner"]) == ("dev", "sqlserver", "airflow")
    assert found["links"]["Airflow"] == "http://127.0.0.1:8080"
    written = dataops(
        "metrics", "--env", "dev", "--out", "away.prom", cwd=platform, DOCKER_HOST="tcp://127.0.0.1:1"
    )
    assert written.returncode == ExitCode.UNAVAILABLE
    assert (
        'dataops_part_available{environment="dev",part="engine"} 0.0' in (platform / "away.prom").read_text()
    )


def test_what_takes_connections_and_never_answers_costs_its_deadline_only(
    platform: Path, dataops: Dataops
) -> None:
    usual = looked(dataops, platform, "127.0.0.1:1")[2]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        code, found, took = looked(
            dataops,
            platform,
            address,
            DATAOPS_AIRFLOW__URL=f"http://{address}",
            DATAOPS_SECRETS__AIRFLOW_ADMIN_PASSWORD="a-password-of-no-account",  # noqa: S106
        )
    assert code == ExitCode.UNAVAILABLE
    assert found["unavailable"].keys() == PARTS
    for part in ("engine", "pipeline"):
        assert found["unavailable"][part]["reason"] == "no answer within 8 s"
    assert "a-password-of-no-account" not in json.dumps(found)
    # Both hang, side by side: one after the other they would take twice as long.
    assert took < 2 * 8 + usual
