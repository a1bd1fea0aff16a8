"""A platform with a real PostgreSQL, Redis and Airflow, whose parts are made ill one by one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dataops_cli import docker_api
from local_engine import STAND_IN
from support import Dataops, clean_environment, until
from sweep import sweep

ENVIRONMENT = """\
[warehouse]
engine = "duckdb"
[stack]
enabled = true
files = ["compose/health.yml"]
name = "{name}"
prefix = "{name}-"
port_offset = 19000
timeout = 600
"""
VARIABLES = {
    "DATAOPS_ENV": "sick",
    "PYTHON_IMAGE": "dataops-test/python:3.11",
    "POSTGRES_IMAGE": "dataops-test/postgres:15",
    "REDIS_IMAGE": "dataops-test/redis:7",
    "CLOUDBEAVER_IMAGE": STAND_IN,
}
REAL = (
    "postgres",
    "redis",
    "airflow-init",
    "airflow-webserver",
    "airflow-scheduler",
    "airflow-dag-processor",
)
# Something with a limit of its memory and a small volume, which is ill where it has a file, and whose image is another's
# name.
SUBJECT = {
    "command": ["sleep", "infinity"],
    "init": True,
    "restart": "unless-stopped",
    "mem_limit": "64m",
    "environment": {"VERSION": "1"},
    "volumes": ["spare:/spare"],
    "healthcheck": {"test": ["CMD", "test", "!", "-e", "/tmp/ill"], "interval": "1s", "retries": 1},
    "stop_grace_period": "1s",
}


@dataclass
class Platform:
    """A platform whose environment is `sick`."""

    folder: Path
    name: str
    dataops: Dataops

    def write(self) -> None:
        (self.folder / "environments" / "sick.toml").write_text(ENVIRONMENT.format(name=self.name))
        stack = yaml.safe_load((self.folder / "compose" / "compose.yml").read_text())
        services = {name: stack["services"][name] for name in REAL}
        for name in ("airflow-scheduler", "airflow-dag-processor"):
            services[name]["volumes"] = [
                "airflow_logs:/opt/airflow/logs",
                "../airflow/dags:/opt/airflow/dags:ro",
            ]
        services["cloudbeaver"] = stack["services"]["cloudbeaver"] | {"depends_on": {}}
        services["subject"] = {**SUBJECT, "image": self.image, "networks": ["dataops_network"]}
        volumes = {
            key: stack["volumes"][key]
            for key in ("postgres_data", "redis_data", "airflow_logs", "cloudbeaver_data")
        }
        tmpfs = {"type": "tmpfs", "device": "tmpfs", "o": "size=4m"}
        volumes["spare"] = {"name": f"{self.name}-spare", "driver_opts": tmpfs}
        small = {
            "services": services,
            "networks": stack["networks"],
            "volumes": volumes,
            "secrets": stack["secrets"],
        }
        small["services"]["cloudbeaver"]["profiles"] = []
        (self.folder / "compose" / "health.yml").write_text(yaml.safe_dump(small))

    @property
    def image(self) -> str:
        return f"{self.name}/subject:1"

    def container(self, service: str) -> str:
        if service == "subject":
            return f"{self.name}-subject-1"
        return f"{self.name}-{'' if service == 'cloudbeaver' else 'dataops-'}{service}"

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.dataops(*arguments, cwd=self.folder, **{**VARIABLES, **variables})

    def begin(self, *arguments: str, **streams: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "dataops_cli", *arguments],
            cwd=self.folder,
            env=clean_environment(**VARIABLES),
            text=True,
            **{
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                **streams,
            },
        )

    def health(self, *arguments: str, **variables: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code, and what each check found, by its name."""
        ended = self.run("health", *arguments, "--json", **variables)
        assert ended.stdout, ended.stderr
        document = json.loads(ended.stdout)
        assert document["environment"] == "sick"
        assert document["healthy"] == (ended.returncode == 0)
        return ended.returncode, {item["name"]: item for item in document["checks"]}

    def finds(self, check: str, **variables: str) -> tuple[int, str, str, str]:
        """Exit code, result, what was found, and the remedy, of one check."""
        code, found = self.health("--check", check, **variables)
        item = found[check]
        return code, item["result"], item["found"], item["remedy"] or ""

    def sql(self, statement: str) -> str:
        """What Airflow's metadata database answers."""
        psql = 'PGPASSWORD="$(cat /run/secrets/postgres_password)" psql -qtAX -v ON_ERROR_STOP=1 -U airflow -c "$0"'
        asked = ["docker", "exec", self.container("postgres"), "sh", "-c", psql, statement]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()

    def until_healthy(self, check: str) -> None:
        until(lambda: self.finds(check)[0] == 0)


@contextmanager
def sick_platform(
    folder: Path, name: str, dataops: Dataops, docker: Callable[..., str]
) -> Iterator[Platform]:
    """The platform in `folder`, up, with every DAG known to Airflow."""
    found = Platform(folder, name, dataops)
    docker("tag", VARIABLES["PYTHON_IMAGE"], found.image)
    found.write()
    try:
        up = found.run("up")
        assert up.returncode == 0, up.stdout + up.stderr
        until(lambda: found.finds("pipeline")[0] == 0)
        yield found
    finally:
        down = found.run("down", "--volumes", "--yes")
        sweep(docker_api.connect(), name)
        docker("rmi", found.image)
    assert down.returncode == 0, down.stderr


def new_name() -> str:
    return f"dataops-health-{os.getpid()}"
