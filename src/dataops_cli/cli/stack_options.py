"""What the commands of the stack share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataops_cli.errors import UsageError

if TYPE_CHECKING:
    from dataops_cli.cli.application import Application
    from dataops_cli.stack.observe import Container
    from dataops_cli.stack.reconcile import Operation

PlanOption = Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.")]
Services = Annotated[list[str] | None, typer.Argument(metavar="[SERVICE…]", help="Services (default: all).")]


def show_plan(app: Application, plan: Sequence[Operation], nothing: str) -> None:
    """A plan, one step a line, or `nothing`."""
    document = [
        {"action": item.action.value, "subject": item.subject, "cause": item.cause, "service": item.service}
        for item in plan
    ]
    app.console.result(document, *([str(item) for item in plan] or [nothing]))


def chosen(containers: Sequence[Container], services: Sequence[str] | None) -> list[Container]:
    """The containers of the named services. Raises UsageError for a service that has none."""
    if not services:
        return list(containers)
    known = sorted({item.service for item in containers})
    for name in services:
        if name not in known:
            raise UsageError(
                f"No container of a service {name}",
                hint=f"Services with containers: {', '.join(known) or 'none'}",
            )
    return [item for item in containers if item.service in services]


def document(container: Container) -> dict[str, Any]:
    return {
        "service": container.service,
        "name": container.name,
        "state": container.state,
        "health": container.health or None,
        "exit_code": container.exit_code,
        "ports": list(container.ports),
        "image": container.image,
        "id": container.id,
    }
