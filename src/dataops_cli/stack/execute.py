"""Carry out a plan on the engine. Every step can be cut off: the next plan begins from what is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

from dataops_cli import __version__
from dataops_cli.docker_api import Engine, EngineError, or_none
from dataops_cli.stack import labels
from dataops_cli.stack.config_hash import network_hash
from dataops_cli.stack.container_config import container_config, endpoints
from dataops_cli.stack.images import build_image, pull_image
from dataops_cli.stack.lifecycle import stop_and_remove
from dataops_cli.stack.model import Stack
from dataops_cli.stack.mounts import anonymous_volumes
from dataops_cli.stack.observe import Container, image_of
from dataops_cli.stack.parallel import along
from dataops_cli.stack.reconcile import (
    Action,
    Operation,
    container_name,
    is_awaited_to_complete,
    replicas,
    start_order,
)
from dataops_cli.stack.secret_files import secret_archive
from dataops_cli.stack.start_errors import explain_start
from dataops_cli.stack.waiting import meets, wait_for

# What a service is reported to be once a condition holds.
REACHED = {
    "service_completed_successfully": "done",
    "service_healthy": "healthy",
    "service_started": "started",
}
BEFORE_SERVICES = (Action.PULL, Action.BUILD, Action.CREATE_NETWORK, Action.CREATE_VOLUME)


@dataclass
class Execution:
    """One application of a plan, which was made for the containers in `seen`.

    `report(subject, text)` hears of every step; threads call it.
    """

    engine: Engine
    stack: Stack
    secrets: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    seen: Sequence[Container] = ()
    report: Callable[[str, str], None] = lambda _subject, _text: None

    def __post_init__(self) -> None:
        self._cancelled = threading.Event()
        # The engine gives out ports of a range one start at a time only.
        self._starting = threading.Lock()
        # By service, the seconds that its old containers took to stop: a worker finishes its tasks first.
        self._stopping: dict[str, float] = {}

    def up(self, plan: Sequence[Operation], *, wait_until_healthy: bool, timeout: float) -> None:
        """Apply the plan along the graph of dependencies, independent services side by side.

        `timeout` does not count the time that a container which is replaced takes to stop.
        Raises the first DataopsError; what else was under way is finished or given up, and nothing is
        taken back: the next `up` goes on from there.
        """
        self.prepare(plan)
        known = {*self.stack.services}
        for operation in plan:
            if operation.action is Action.REMOVE and operation.service not in known:
                self._remove(operation)
        deadline = time.monotonic() + timeout
        services = [item for item in plan if item.action not in BEFORE_SERVICES]
        order = start_order(self.stack.services)
        by_service = {name: [item for item in services if item.service == name] for name in order}
        # A dependent begins when what it needs has been started, and waits for more where it asks for more.
        needs: dict[tuple[str, str], list[tuple[str, str]]] = {
            (name, "apply"): [(other, "apply") for other in self.stack.services[name].get("depends_on", {})]
            for name in order
        }
        if wait_until_healthy:
            needs |= {(name, "wait"): [(name, "apply")] for name in order}

        def work(step: tuple[str, str]) -> None:
            name, kind = step
            if kind == "apply":
                self._apply_service(name, by_service[name], deadline)
            else:
                self._wait_for_goal(name, unchanged=not by_service[name], deadline=deadline)

        along(needs, work, self._cancelled)

    def prepare(self, plan: Sequence[Operation]) -> None:
        """Apply what comes before the services: images side by side, then networks and volumes.

        Of those that are built, each comes after the one before: what they have in common is built once.
        """
        images = {item.subject: item for item in plan if item.action in (Action.PULL, Action.BUILD)}
        built = [image for image, item in images.items() if item.action is Action.BUILD]
        needs = dict.fromkeys(images, ()) | {after: (before,) for before, after in pairwise(built)}
        along(needs, lambda image: self._before_services(images[image]), self._cancelled)
        for operation in plan:
            if operation.action in (Action.CREATE_NETWORK, Action.CREATE_VOLUME):
                self._before_services(operation)

    def _apply_service(self, name: str, operations: Sequence[Operation], deadline: float) -> None:
        if operations:
            for other, how in self.stack.services[name].get("depends_on", {}).items():
                needed = how.get("condition", "service_started")
                if needed != "service_started" and other in self.stack.services:
                    self._wait(other, needed, deadline)
        for operation in operations:
            if self._cancelled.is_set():
                return
            self._apply(operation)

    def _wait_for_goal(self, name: str, *, unchanged: bool, deadline: float) -> None:
        condition = self._goal(name)
        mine = [item for item in self.seen if item.service == name and not item.one_off]
        if unchanged and all(meets(item, condition) for item in mine):
            return
        wanted = REACHED[condition]
        self.report(name, f"waiting until it is {wanted}")
        self._wait(name, condition, deadline)
        if not self._cancelled.is_set():
            self.report(name, wanted)

    def _goal(self, name: str) -> str:
        """The condition that a service is waited for: that it has done its work, is healthy, or runs."""
        service = self.stack.services[name]
        check = service.get("healthcheck", {})
        if service.get("restart", "no") == "no" and is_awaited_to_complete(self.stack, name):
            return "service_completed_successfully"
        return "service_healthy" if check.get("test") and not check.get("disable") else "service_started"

    def _wait(self, service: str, condition: str, deadline: float) -> None:
        for number in range(1, replicas(self.stack.services[service]) + 1):
            wait_for(
                self.engine,
                container_name(self.stack, service, number),
                condition,
                deadline=deadline + self._stopping.get(service, 0),
                cancelled=self._cancelled,
            )

    def _before_services(self, operation: Operation) -> None:
        self.report(operation.subject, str(operation.action))
        if operation.action is Action.PULL:
            pull_image(self.engine, operation.subject, lambda line: self.report(operation.subject, line))
        elif operation.action is Action.BUILD:
            build_image(
                self.engine,
                self.stack,
                operation.service,
                operation.subject,
                self.inputs.get(operation.subject, ""),
                lambda line: self.report(operation.subject, line),
            )
        elif operation.action is Action.CREATE_NETWORK:
            self._create_network(operation.service)
        else:
            self._create_volume(operation.service)
        self.report(operation.subject, "done")

    def _create_network(self, key: str) -> None:
        network = self.stack.networks[key]
        self.engine.create_network(
            {
                "Name": network["name"],
                "CheckDuplicate": True,
                "Driver": network.get("driver", "bridge"),
                "Internal": network.get("internal", False),
                "IPAM": _ipam(network.get("ipam", {})),
                "Labels": network.get("labels", {})
                | self._owner()
                | {labels.NETWORK: key, labels.NETWORK_CONFIG: network_hash(network)},
            }
        )

    def _create_volume(self, key: str) -> None:
        volume = self.stack.volumes[key]
        self.engine.create_volume(
            volume["name"],
            volume.get("driver"),
            volume.get("driver_opts", {}),
            volume.get("labels", {}) | self._owner() | {labels.VOLUME: key},
        )

    def _owner(self) -> dict[str, str]:
        return {labels.PROJECT: self.stack.name, labels.VERSION: __version__}

    def _apply(self, operation: Operation) -> None:
        self.report(operation.subject, str(operation.action))
        old = operation.container
        if operation.action is Action.CREATE:
            self._start(operation, self._create(operation, operation.subject))
        elif old is None:
            raise ValueError(f"{operation.action} needs the container it acts on")
        elif operation.action is Action.RECREATE:
            # The name is free only when the old one is gone; until the new one is made, the old one serves.
            new = self._create(operation, f"{old.id[:12]}_{operation.subject}")
            self._take_away(operation.service, old)
            self.engine.rename(new, operation.subject)
            self._start(operation, new)
        elif operation.action is Action.RENAME:
            self.engine.rename(old.id, operation.subject)
        elif operation.action is Action.START:
            if (
                old.state == "created"
            ):  # it may have been made by an `up` that was cut off before the next line
                self._copy_secrets(operation.service, old.id)
            self._start(operation, old.id)
        elif operation.action is Action.RESTART:
            self.engine.restart(old.id)
        elif operation.action is Action.REMOVE:
            self._remove(operation)

    def _create(self, operation: Operation, name: str) -> str:
        image = image_of(self.stack, operation.service)
        facts = self.engine.image(image)
        config = container_config(
            self.stack,
            operation.service,
            operation.subject,
            operation.number,
            image,
            facts["Id"] if facts else "",
            self.fingerprints.get(operation.service, ""),
            self._anonymous_volumes(operation, facts or {}),
        )
        try:
            container = self.engine.create(name, config)
        except EngineError as error:
            if error.status != 409 or operation.container is None:
                raise
            self.engine.remove_if_there(name)  # an earlier recreate was cut off after this very step
            container = self.engine.create(name, config)
        first = config["HostConfig"]["NetworkMode"]
        for network, endpoint in endpoints(self.stack, operation.service, operation.subject).items():
            if network != first:
                self.engine.connect(network, container, endpoint)
        self._copy_secrets(operation.service, container)
        return container

    def _anonymous_volumes(self, operation: Operation, image: Mapping[str, Any]) -> dict[str, str]:
        if operation.container is None:
            return {}
        old = or_none(partial(self.engine.inspect, operation.container.id))
        if old is None:  # a command that was killed had asked for its removal
            return {}
        return anonymous_volumes(self.stack.services[operation.service], image, old)

    def _copy_secrets(self, service: str, container: str) -> None:
        for folder, archive in secret_archive(self.stack, service, self.secrets.get(service, {})):
            self.engine.put_archive(container, folder, archive)

    def _start(self, operation: Operation, container: str) -> None:
        ports = self.stack.services[operation.service].get("ports", [])
        one_by_one = not all(str(port.get("published", "")).isdigit() for port in ports)
        with self._starting if one_by_one else nullcontext():
            try:
                self.engine.start(container)
            except EngineError as error:
                raise explain_start(self.engine, operation.subject, container, error) from error
        self.report(operation.subject, "started")

    def _remove(self, operation: Operation) -> None:
        if operation.container is not None:
            self._take_away(operation.service, operation.container)

    def _take_away(self, service: str, container: Container) -> None:
        begin = time.monotonic()
        stop_and_remove(self.engine, container)
        self._stopping[service] = self._stopping.get(service, 0) + time.monotonic() - begin


def _ipam(given: Mapping[str, object]) -> dict[str, object]:
    pools = given.get("config")
    names = {"subnet": "Subnet", "gateway": "Gateway", "ip_range": "IPRange"}
    config = [
        {names[key]: value for key, value in pool.items() if key in names}
        for pool in (pools if isinstance(pools, list) else [])
    ]
    return {"Driver": given.get("driver", "default"), "Config": config}
