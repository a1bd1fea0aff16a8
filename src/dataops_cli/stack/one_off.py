"""A container of a service for one command, beside those that run. Source: docker/compose `pkg/compose/run.go`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.interrupts import interrupts_held
from dataops_cli.stack import labels
from dataops_cli.stack.container_config import container_config, endpoints
from dataops_cli.stack.conversation import converse, interactive, reads_stdin
from dataops_cli.stack.environment import EnvironmentStack
from dataops_cli.stack.model import Stack
from dataops_cli.stack.observe import Observation, image_of
from dataops_cli.stack.run_command import cannot_start
from dataops_cli.stack.secret_files import secret_archive


def refuse_incomplete(stack: Stack, service: str, seen: Observation, hint: str) -> None:
    """Raises DataopsError (exit 3) where the image, a network or a volume of the service is not there."""
    networks = {
        "network " + stack.networks[key]["name"] for key in stack.services[service].get("networks", {})
    }
    volumes = {
        "volume " + stack.volumes[mount["source"]]["name"]
        for mount in stack.services[service].get("volumes", [])
        if mount["type"] == "volume" and mount.get("source") in stack.volumes
    }
    there = {f"network {name}" for name in seen.networks or {}} | {
        f"volume {name}" for name in seen.volumes or {}
    }
    missing = sorted((networks | volumes) - there)
    if (seen.images or {}).get(image_of(stack, service)) is None:
        missing.insert(0, f"image {image_of(stack, service)}")
    if missing:
        raise DataopsError(
            f"Service {service} cannot be given a container: its {missing[0]} is not there",
            hint=hint,
            exit_code=ExitCode.UNAVAILABLE,
        )


def run_one_off(
    engine: Engine,
    full: EnvironmentStack,
    service: str,
    command: Sequence[str],
    *,
    user: str = "",
    workdir: str | None = None,
) -> int:
    """Run a command in a container of its own, as `run_command` does; the container is removed afterwards.

    Raises DataopsError where it cannot be made or started.
    """
    stack = full.stack
    name = f"{stack.name}-{service}-run-{secrets.token_hex(6)}"
    image = engine.image(image_of(stack, service)) or {}
    networks = one_off_endpoints(stack, service, name)
    config = one_off_config(stack, service, name, str(image.get("Id", "")), command, networks)
    overrides = {"User": user, "WorkingDir": workdir}
    streams = {"Tty": interactive(), "OpenStdin": reads_stdin(), "StdinOnce": reads_stdin()}
    config |= streams | {key: value for key, value in overrides.items() if value}
    with ExitStack() as made:
        with interrupts_held():  # one that is made and not known here would stay
            container = engine.create(name, config)
            made.callback(engine.remove, container)
        for network, endpoint in [*networks.items()][1:]:
            engine.connect(network, container, endpoint)
        for folder, archive in secret_archive(stack, service, full.secrets.get(service, {})):
            engine.put_archive(container, folder, archive)
        connection = engine.attach(container, stdin=reads_stdin())
        try:
            engine.start(container)
        except EngineError as error:
            raise cannot_start(command[0], service, error) from error
        try:
            converse(connection, lambda rows, columns: engine.resize(container, rows, columns))
            return engine.wait(container)
        except BaseException:
            engine.stop(container)
            raise


def one_off_endpoints(stack: Stack, service: str, name: str) -> dict[str, dict[str, Any]]:
    """By network: reached by its own name alone, so that it gets nothing that is meant for the service."""
    return {network: {"Aliases": [name]} for network in endpoints(stack, service, name)}


def one_off_config(
    stack: Stack,
    service: str,
    name: str,
    image_id: str,
    command: Sequence[str],
    networks: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The create request: the service's own, without its ports, and never restarted."""
    config = container_config(stack, service, name, 1, image_of(stack, service), image_id, "")
    return config | {
        "Cmd": list(command),
        "Labels": config["Labels"] | {labels.ONE_OFF: "True"},
        "HostConfig": config["HostConfig"] | {"PortBindings": {}, "RestartPolicy": {"Name": "no"}},
        "NetworkingConfig": {"EndpointsConfig": dict([*networks.items()][:1])},
        "AttachStdin": reads_stdin(),
        "AttachStdout": True,
        "AttachStderr": True,
    }
