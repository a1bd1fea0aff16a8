"""What Compose files say, in the canonical form that `docker compose config --format json` prints.

The shapes are those of the Compose specification after loading: short syntax is expanded, paths are
absolute, variables are replaced. Sizes are bytes written as text, durations are written as Go writes
them (`1m30s`): both as Compose prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypedDict


class Build(TypedDict, total=False):
    context: str
    dockerfile: str
    args: dict[str, str | None]
    target: str
    labels: dict[str, str]
    network: str


class Dependency(TypedDict, total=False):
    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]
    restart: bool
    required: bool


class Healthcheck(TypedDict, total=False):
    test: list[str]
    interval: str
    timeout: str
    retries: int
    start_period: str
    start_interval: str
    disable: bool


class Port(TypedDict, total=False):
    mode: str
    target: int
    published: str
    protocol: str
    host_ip: str


class Mount(TypedDict, total=False):
    type: Literal["bind", "volume", "tmpfs"]
    source: str
    target: str
    read_only: bool
    bind: dict[str, Any]
    volume: dict[str, Any]
    tmpfs: dict[str, Any]


class SecretUse(TypedDict, total=False):
    source: str
    target: str
    uid: str
    gid: str
    mode: int


class Service(TypedDict, total=False):
    build: Build
    cap_add: list[str]
    cap_drop: list[str]
    command: list[str] | None
    container_name: str
    cpus: float
    depends_on: dict[str, Dependency]
    deploy: dict[str, Any]
    entrypoint: list[str] | None
    environment: dict[str, str | None]
    expose: list[str]
    extra_hosts: list[str]
    group_add: list[str]
    healthcheck: Healthcheck
    hostname: str
    image: str
    init: bool
    labels: dict[str, str]
    logging: dict[str, Any]
    mem_limit: str
    networks: dict[str, dict[str, Any] | None]
    pids_limit: int
    ports: list[Port]
    profiles: list[str]
    pull_policy: str
    read_only: bool
    restart: str
    scale: int
    secrets: list[SecretUse]
    security_opt: list[str]
    shm_size: str
    stdin_open: bool
    stop_grace_period: str
    stop_signal: str
    tmpfs: list[str]
    tty: bool
    ulimits: dict[str, Any]
    user: str
    volumes: list[Mount]
    working_dir: str


class Network(TypedDict, total=False):
    name: str
    driver: str
    internal: bool
    ipam: dict[str, Any]
    labels: dict[str, str]
    external: bool


class Volume(TypedDict, total=False):
    name: str
    driver: str
    driver_opts: dict[str, str]
    labels: dict[str, str]
    external: bool


class Secret(TypedDict, total=False):
    name: str
    file: str
    environment: str


@dataclass(frozen=True)
class Stack:
    """One Compose project: the services that its active profiles leave, and what they use."""

    name: str
    folder: Path
    files: tuple[Path, ...]
    services: Mapping[str, Service]
    disabled: Mapping[str, Service] = field(default_factory=dict)
    networks: Mapping[str, Network] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """What `docker compose config --format json` prints."""
        parts = {
            "networks": self.networks,
            "services": self.services,
            "volumes": self.volumes,
            "secrets": self.secrets,
        }
        return {"name": self.name} | {
            key: {name: dict(item) for name, item in sorted(part.items())}
            for key, part in parts.items()
            if part or key == "services"
        }
