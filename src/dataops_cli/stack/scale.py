"""How many containers the services of a stack have, as a command line says it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from dataops_cli.errors import UsageError
from dataops_cli.stack.model import Stack
from dataops_cli.stack.selection import require_services

_GIVEN = re.compile(r"(?P<service>[^=]+)=(?P<number>\d{1,3})")


def scale(stack: Stack, given: Sequence[str]) -> Stack:
    """The stack with N containers of a service for every `SERVICE=N`; the last of several counts.

    Raises UsageError for what is no such pair, an unknown service, and one that cannot have as many.
    """
    services = dict(stack.services)
    for text in given:
        found = _GIVEN.fullmatch(text)
        if not found:
            raise UsageError(f"--scale {text} says no number", hint="Such as: --scale dbt=2")
        name, number = found["service"], int(found["number"])
        require_services(stack.services, [name])
        if number > 1:
            _require_scalable(stack, name)
        services[name] = {**services[name], "scale": number}
    return replace(stack, services=services)


def _require_scalable(stack: Stack, name: str) -> None:
    service = stack.services[name]
    if "scale" in service:
        raise UsageError(
            f"Service {name} has {service['scale']} container(s), as its Compose file says (scale)",
            hint="What is said there is on purpose, such as for a database, whose files are for one alone.",
        )
    for port in service.get("ports", []):
        if str(port.get("published", "")).isdigit():
            raise UsageError(
                f"Service {name} publishes the port {port['published']}, which one container alone can have",
                hint="Scale a service without published ports, such as: --scale dbt=2",
            )
