"""An environment with a stack as in production, whose warehouse is a DuckDB in the volume of its dbt container."""

from __future__ import annotations

ENVIRONMENT = """\
[warehouse]
engine = "duckdb"
[dbt]
runner = "{runner}"
[freshness]
warn_after_days = 36500
error_after_days = 36500
[stack]
enabled = true
files = ["compose/compose.yml", "compose/release.yml"]
name = "{name}"
prefix = "{name}-"
timeout = 600
"""
# What its images are built from on a machine without a registry.
IMAGES = {
    "PYTHON_IMAGE": "dataops-test/python:3.11",
    "REDIS_IMAGE": "dataops-test/redis:7",
    "POSTGRES_IMAGE": "dataops-test/postgres:15",
}


def environment_file(name: str, runner: str = "container") -> str:
    """The file of the environment: its stack is called `name`, and its name is the tag of dbt's image."""
    return ENVIRONMENT.format(name=name, runner=runner)
