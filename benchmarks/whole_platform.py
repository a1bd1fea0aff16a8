"""A new platform with its whole stack on the engine, for the time of a benchmark. The warehouse is DuckDB.

Needs an engine and the images that the engine tests make (`.ci/engine`, and `make test` once).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = f"dataops-bench-{os.getpid()}"
ENVIRONMENT = f"""
[warehouse]
engine = "duckdb"
[dbt]
runner = "airflow"
[freshness]
warn_after_days = 36500
error_after_days = 36500
[stack]
enabled = true
files = ["compose/compose.yml", "compose/release.yml"]
name = "{NAME}"
prefix = "{NAME}-"
port_offset = 12000
timeout = 300
"""
IMAGES = {
    "SQLSERVER_IMAGE": "dataops-test/stand-in:1",
    "POSTGRES_IMAGE": "dataops-test/postgres:15",
    "REDIS_IMAGE": "dataops-test/redis:7",
    "PYTHON_IMAGE": "dataops-test/python:3.11",
}


def dataops(platform: Path, *arguments: str) -> str:
    """What a command writes, which must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "dataops_cli", *arguments],
        cwd=platform,
        env=os.environ | IMAGES | {"DATAOPS_ENV": "bench"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{arguments} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def whole_platform(scale: float) -> Iterator[Path]:
    """The platform's folder; its stack is up, with generated rows as the source."""
    with tempfile.TemporaryDirectory() as folder:
        platform = Path(folder) / "platform"
        subprocess.run(
            [sys.executable, "-m", "dataops_cli", "init", str(platform)], check=True, capture_output=True
        )
        (platform / "environments" / "bench.toml").write_text(ENVIRONMENT)
        try:
            dataops(platform, "up")
            dataops(
                platform,
                "exec",
                "dbt",
                "--",
                "dataops",
                "source",
                "generate",
                "--scale",
                str(scale),
                "--quiet",
            )
            yield platform
        finally:
            dataops(platform, "down", "--volumes", "--yes")
