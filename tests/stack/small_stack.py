"""A platform whose stack is up in seconds: a chain of healthy services, a one-shot, a secret, a volume."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.stack.lock import lock_name
from dataops_cli.stack.state import State
from support import Dataops, clean_environment
from sweep import sweep

ENVIRONMENT = """\
[stack]
enabled = true
files = ["compose/small.yml"]
name = "{name}"
prefix = "{name}-"
timeout = 120
"""

# `db` is on two networks, so that a kill can come between making it and connecting it to the second.
FILE = """\
x-service: &service
  image: dataops-test/stand-in:1
  init: true
  stop_grace_period: 1s
  environment: {VERSION: "1"}
  healthcheck: {test: "true", interval: 200ms}
services:
  db:
    <<: *service
    secrets: [password]
    volumes: ["data:/data"]
    networks: [default, back]
  init:
    image: dataops-test/stand-in:1
    command: "true"
    depends_on: {db: {condition: service_healthy}}
  api:
    <<: *service
    depends_on: {init: {condition: service_completed_successfully}}
  web:
    <<: *service
    depends_on: {api: {condition: service_healthy}}
  side: *service
networks: {default: {}, back: {}}
volumes: {data: {}}
secrets: {password: {file: ./password}}
"""
SECRET = "hush-hush"  # noqa: S105
SERVICES = ("api", "db", "init", "side", "web")


@dataclass
class SmallStack:
    """A platform in `folder`, with an environment `small` whose Compose project is `name`."""

    dataops: Dataops
    engine: Engine
    folder: Path
    name: str
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "environments" / "small.toml").write_text(ENVIRONMENT.format(name=self.name))
        (self.folder / "compose" / "password").write_text(SECRET)
        self.write(FILE)

    @property
    def label(self) -> str:
        return f"com.docker.compose.project={self.name}"

    def write(self, text: str) -> None:
        (self.folder / "compose" / "small.yml").write_text(text)

    def edit(self, old: str, new: str) -> None:
        path = self.folder / "compose" / "small.yml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.dataops(*arguments, "--env", "small", cwd=self.folder, **self.variables)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that goes on while the test does."""
        return subprocess.Popen(
            [sys.executable, "-m", "dataops_cli", *arguments, "--env", "small"],
            cwd=self.folder,
            env=clean_environment(**self.variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def containers(self) -> dict[str, dict[str, Any]]:
        """By name, `docker inspect` of everything that bears the project's label."""
        found = {}
        for item in self.engine.containers(self.label):
            try:
                facts = self.engine.inspect(item["Id"])
            except EngineError as error:
                if error.status == 404:  # taken away since it was listed
                    continue
                raise
            found[facts["Name"].removeprefix("/")] = facts
        return found

    def states(self) -> dict[str, str]:
        return {name: item["State"]["Status"] for name, item in self.containers().items()}

    @property
    def locked(self) -> bool:
        names = [name for item in self.engine.containers() for name in item["Names"]]
        return f"/{lock_name(self.name)}" in names

    def assert_whole(self, version: str = "1") -> None:
        """Exactly the wanted containers, all healthy, with what they need; and nothing is left to do."""
        there = self.containers()
        assert sorted(there) == [f"{self.name}-{service}-1" for service in SERVICES]
        done = there.pop(f"{self.name}-init-1")
        assert (done["State"]["Status"], done["State"]["ExitCode"]) == ("exited", 0)
        for item in there.values():
            assert item["State"]["Health"]["Status"] == "healthy"
            assert f"VERSION={version}" in item["Config"]["Env"]
        db = f"{self.name}-db-1"
        assert {*there[db]["NetworkSettings"]["Networks"]} == {f"{self.name}_default", f"{self.name}_back"}
        assert self.engine.exec(db, ["cat", "/run/secrets/password"]) == (0, SECRET.encode())
        assert not self.locked
        assert len(self.engine.networks(self.label)) == 2
        volumes = {item["Name"] for item in self.engine.volumes(self.label)}
        assert volumes - {f"{self.name}-deploy_state"} == {f"{self.name}_data"}
        assert self.run("up", "--plan").stdout == "Nothing would change.\n"

    def assert_down(self) -> None:
        """Nothing but volumes, which nobody uses."""
        assert not self.locked
        assert self.engine.containers(self.label) == []
        assert self.engine.networks(self.label) == []
        State(self.engine, self.name, "").take_away()
        for volume in self.engine.volumes(self.label):
            self.engine.remove_volume(volume["Name"])

    def sweep(self) -> None:
        sweep(self.engine, self.name)


def unique(kind: str) -> str:
    return f"dataops-{kind}-{os.getpid()}"


def docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], check=True, capture_output=True)
