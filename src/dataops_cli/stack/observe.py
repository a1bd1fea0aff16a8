"""A snapshot of what the engine has of a stack: four kinds of calls, however many services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataops_cli.docker_api import Engine
from dataops_cli.stack import labels
from dataops_cli.stack.container_config import require_new_enough
from dataops_cli.stack.model import Stack

_EXIT_CODE = re.compile(r"^(?:Exited|Restarting) \((\d+)\)")


@dataclass(frozen=True)
class Container:
    """One container of the stack. `health` is healthy, unhealthy, starting, or empty without a check."""

    id: str
    name: str
    service: str
    number: int
    state: str
    health: str
    exit_code: int | None
    image: str
    image_id: str
    labels: Mapping[str, str]
    networks: frozenset[str]
    volumes: frozenset[str]
    ports: tuple[str, ...]
    status: str

    @property
    def running(self) -> bool:
        return self.state in ("running", "restarting", "paused")

    @property
    def one_off(self) -> bool:
        return self.labels.get(labels.ONE_OFF) == "True"


@dataclass(frozen=True)
class Observation:
    """What is there: the project's containers, and networks, volumes and images by name.

    A network's and volume's value is its labels; an image's is its id, or None where it is missing.
    `inputs` has the hash of what an image was built from, for those that we built.
    """

    containers: tuple[Container, ...] = ()
    networks: Mapping[str, Mapping[str, str]] | None = None
    volumes: Mapping[str, Mapping[str, str]] | None = None
    images: Mapping[str, str | None] | None = None
    inputs: Mapping[str, str] | None = None


def observe_containers(engine: Engine, project: str) -> tuple[Container, ...]:
    """The project's containers, also those that Compose made, by service and number."""
    found = engine.containers(f"{labels.PROJECT}={project}", labels.CONFIG_HASH)
    return tuple(
        sorted((_container(item) for item in found), key=lambda item: (item.service, item.number, item.name))
    )


def observe(engine: Engine, stack: Stack) -> Observation:
    """Everything that reconciling the stack needs to know.

    Raises DataopsError (exit 3) where the stack needs a newer engine.
    """
    require_new_enough(engine.api_version, stack)
    networks = {
        item["Name"]: item["Labels"] or {} for item in engine.networks(f"{labels.PROJECT}={stack.name}")
    }
    for network in stack.networks.values():
        if network["name"] not in networks and (found := engine.network(network["name"])):
            networks[found["Name"]] = found["Labels"] or {}
    volumes = {
        item["Name"]: item["Labels"] or {} for item in engine.volumes(f"{labels.PROJECT}={stack.name}")
    }
    for volume in stack.volumes.values():
        if volume["name"] not in volumes and (found := engine.volume(volume["name"])):
            volumes[found["Name"]] = found["Labels"] or {}
    references = {image_of(stack, name) for name in stack.services}
    found = {reference: engine.image(reference) or {} for reference in sorted(references)}
    images = {reference: image.get("Id") for reference, image in found.items()}
    inputs = {
        reference: its_labels[labels.INPUTS]
        for reference, image in found.items()
        if labels.INPUTS in (its_labels := image.get("Config", {}).get("Labels") or {})
    }
    return Observation(observe_containers(engine, stack.name), networks, volumes, images, inputs)


def image_of(stack: Stack, service: str) -> str:
    """The image that a service runs: its own, or the name under which Compose builds it."""
    found = stack.services.get(service) or stack.disabled[service]
    return found.get("image") or f"{stack.name}-{service}"


def _container(item: Mapping[str, Any]) -> Container:
    status = str(item.get("Status", ""))
    found = re.search(r"\((healthy|unhealthy|health: starting)\)", status)
    exit_code = _EXIT_CODE.match(status)
    its_labels = item.get("Labels") or {}
    ports = {
        f"{port.get('IP', '')}:{port['PublicPort']}->{port['PrivatePort']}/{port['Type']}"
        for port in item.get("Ports") or []
        if "PublicPort" in port
    }
    return Container(
        id=item["Id"],
        name=item["Names"][0].removeprefix("/"),
        service=its_labels.get(labels.SERVICE, ""),
        number=int(its_labels.get(labels.NUMBER, "1")),
        state=item["State"],
        health=found[1].removeprefix("health: ") if found else "",
        exit_code=int(exit_code[1]) if exit_code else None,
        image=item["Image"],
        image_id=item["ImageID"],
        labels=its_labels,
        networks=frozenset((item.get("NetworkSettings") or {}).get("Networks") or {}),
        volumes=frozenset(mount["Name"] for mount in item.get("Mounts") or [] if mount.get("Name")),
        ports=tuple(sorted(ports)),
        status=status,
    )
