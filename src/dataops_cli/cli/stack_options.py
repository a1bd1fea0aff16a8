"""What the commands of the stack share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataops_cli.cli.completion import service_names
from dataops_cli.errors import UsageError

if TYPE_CHECKING:
    from dataops_cli.cli.application import Application
    from dataops_cli.stack.observe import Container
    from dataops_cli.stack.reconcile import Action, Operation

# How many things that go on side by side one line of progress names.
SHOWN = 3

PlanOption = Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.")]
Profiles = Annotated[
    list[str] | None,
    typer.Option("--profile", metavar="NAME", help="Compose profile to activate, besides stack.profiles."),
]
Services = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SERVICE…]", help="Services (default: all).", autocompletion=service_names),
]


def show_plan(app: Application, plan: Sequence[Operation], nothing: str) -> None:
    """A plan, one step a line, or `nothing`."""
    document = [
        {"action": item.action.value, "subject": item.subject, "cause": item.cause, "service": item.service}
        for item in plan
    ]
    app.console.result(document, *([str(item) for item in plan] or [nothing]))


def warn_of_readable_secrets(app: Application) -> None:
    """A warning where others than the user can read the environment's secrets."""
    from dataops_cli.settings import secrets

    path = secrets.secrets_file(app.project, app.environment.name)
    if secrets.others_can_read(path):
        name = app.project.relative(path)
        app.console.warn(f"Others can read {name}", f"Keep it to yourself: chmod 600 {name}")


def counted(number: int, noun: str) -> str:
    """`no changes`, `1 change`, `2 changes`."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


@contextmanager
def reporting(app: Application, label: str) -> Iterator[Callable[[str, str], None]]:
    """Shows what is going on while a plan is applied. Yields what an Execution reports to."""
    from dataops_cli.stack.execute import REACHED

    current: dict[str, str] = {}
    with app.console.activity(label) as rename:

        def report(subject: str, text: str) -> None:
            current.pop(subject, None)
            if text not in REACHED.values():
                current[subject] = text
            rename(", ".join(f"{name}: {what}" for name, what in [*current.items()][:SHOWN]) or label)
            app.console.detail(f"{subject}: {text}")

        yield report


def apply_image_plan(
    app: Application, action: Action, services: Sequence[str], profiles: Sequence[str], *, plan: bool
) -> None:
    """Build, or pull, the images of the named services, or of all."""
    from dataops_cli import docker_api
    from dataops_cli.stack.build_inputs import build_inputs
    from dataops_cli.stack.environment import load_environment_stack
    from dataops_cli.stack.execute import Execution
    from dataops_cli.stack.observe import observe
    from dataops_cli.stack.reconcile import Action, plan_images
    from dataops_cli.stack.selection import only

    stack = only(load_environment_stack(app.project, app.environment, profiles), services)
    engine = docker_api.connect()
    inputs = build_inputs(stack)
    asked = plan_images(
        stack,
        observe(engine, stack),
        inputs=inputs,
        build=action is Action.BUILD,
        pull="always" if action is Action.PULL else "",
    )
    operations = [item for item in asked if item.action is action]
    if not plan:
        with reporting(app, f"{action.capitalize()} images") as report:
            Execution(engine, stack, inputs=inputs, report=report).prepare(operations)
    show_plan(app, operations, f"Nothing to {action}.")


def apply_lifecycle_plan(
    app: Application, action: Action, services: Sequence[str] | None, *, plan: bool
) -> None:
    """Stop, start or restart the containers of the named services, or of all."""
    from dataops_cli import docker_api
    from dataops_cli.cli.stack_change import changing_stack
    from dataops_cli.stack.environment import require_stack
    from dataops_cli.stack.lifecycle import apply_lifecycle
    from dataops_cli.stack.observe import observe_containers
    from dataops_cli.stack.reconcile import plan_lifecycle

    project = require_stack(app.environment)
    engine = docker_api.connect()

    def decide() -> list[Operation]:
        return plan_lifecycle(action, chosen(observe_containers(engine, project), services))

    operations = decide()
    if operations and not plan:
        with changing_stack(app, engine, project) as lock:
            lock()
            operations = decide()
            apply_lifecycle(
                engine, operations, lambda subject, text: app.console.detail(f"{subject}: {text}")
            )
    show_plan(app, operations, f"Nothing to {action}.")


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
