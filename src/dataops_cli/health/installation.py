"""A stack on its engine: what is wanted, and the containers that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.settings.load import Environment
from dataops_cli.stack.environment import missing_secrets, with_secrets
from dataops_cli.stack.model import Stack
from dataops_cli.stack.observe import Container

_AS_WORDS = {"exited": "has exited", "paused": "is paused", "created": "was never started"}


@dataclass(frozen=True)
class Wanted:
    """The stack as it is to be: that of `release`, or, where that is empty, of the files here.

    `inputs` has, by image, the hash of what it is built from; `fingerprints`, by service, that of its secrets.
    `missing` are the keys of secrets without a value: where there are any, there are no fingerprints.
    """

    stack: Stack
    release: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    missing: Sequence[str] = ()


@dataclass(frozen=True)
class Installation:
    """What is wanted, and what there is of it."""

    engine: Engine
    wanted: Wanted
    containers: Sequence[Container] = ()

    def has(self, service: str) -> bool:
        return service in self.wanted.stack.services

    def of(self, service: str) -> list[Container]:
        return [item for item in self.containers if item.service == service and not item.one_off]

    def running(self, service: str) -> Container:
        """The first container of a service that can be given a command. Raises DataopsError (exit 3)."""
        for item in self.of(service):
            if item.state == "running":
                return item
        mine = self.of(service)
        paused = next((item.name for item in mine if item.state == "paused"), "")
        states = ", ".join(f"{item.name} {_AS_WORDS.get(item.state, item.state)}" for item in mine)
        raise DataopsError(
            f"Service {service} does not run{f': {states}' if states else ''}",
            hint=f"docker unpause {paused}" if paused else f"Start it: dataops up {service}",
            exit_code=ExitCode.UNAVAILABLE,
        )


def wanted_of(environment: Environment, stack: Stack, inputs: Mapping[str, str], release: str = "") -> Wanted:
    """A stack with the fingerprints of the environment's secrets."""
    missing = missing_secrets(environment, stack)
    fingerprints = {} if missing else with_secrets(stack, environment).fingerprints()
    return Wanted(stack, release, inputs, fingerprints, missing)
