"""A part of a stack: some services with what they need."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from dataops_cli.errors import UsageError
from dataops_cli.stack.model import Stack


def require_services(known: Collection[str], names: Collection[str]) -> None:
    """Raises UsageError for a name that is no service."""
    for name in names:
        if name not in known:
            raise UsageError(f"There is no service {name}", hint=f"Services: {', '.join(sorted(known))}")


def select(stack: Stack, names: Collection[str]) -> Stack:
    """The stack with the named services and all they depend on; all of it where none is named.

    The others count as disabled: they are known, and left alone. Raises UsageError for an unknown name.
    """
    require_services(stack.services, names)
    wanted: set[str] = set()

    def add(name: str) -> None:
        if name in stack.services and name not in wanted:
            wanted.add(name)
            for other in stack.services[name].get("depends_on", {}):
                add(other)

    for name in names:
        add(name)
    return only(stack, wanted)


def only(stack: Stack, names: Collection[str]) -> Stack:
    """The stack with the named services alone; all of it where none is named. See `select`."""
    if not names:
        return stack
    require_services(stack.services, names)
    services = {name: service for name, service in stack.services.items() if name in names}
    return replace(
        stack,
        services=services,
        disabled={**stack.disabled, **{k: v for k, v in stack.services.items() if k not in names}},
        networks=_used(stack.networks, {key for s in services.values() for key in s.get("networks", {})}),
        volumes=_used(
            stack.volumes, {m.get("source") for s in services.values() for m in s.get("volumes", [])}
        ),
        secrets=_used(stack.secrets, {u["source"] for s in services.values() for u in s.get("secrets", [])}),
    )


def _used(items: Mapping[str, Any], keys: Collection[Any]) -> dict[str, Any]:
    return {key: item for key, item in items.items() if key in keys}
