"""Bringing the stack to a release: images first, then the containers that differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from dataops_cli.deploy.release import Image
from dataops_cli.deploy.workspace import Workspace
from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError
from dataops_cli.stack import labels
from dataops_cli.stack.environment import missing_secrets, with_secrets
from dataops_cli.stack.execute import Execution
from dataops_cli.stack.images import pull_image, push_image
from dataops_cli.stack.lifecycle import down
from dataops_cli.stack.observe import image_of, observe, observe_containers
from dataops_cli.stack.reconcile import Action, Operation, plan_down, plan_images, plan_up
from dataops_cli.stack.selection import only

# `report(subject, text)` hears of every step.
Report = Callable[[str, str], None]


def planned_images(engine: Engine, workspace: Workspace) -> list[Operation]:
    """Which images are to be built or pulled."""
    return plan_images(workspace.stack, observe(engine, workspace.stack), inputs=workspace.inputs)


def planned_containers(engine: Engine, workspace: Workspace) -> list[Operation]:
    """What is to be done to networks, volumes and containers. Where a secret has no value here, all of them count as
    unchanged."""
    stack = workspace.stack
    seen = observe(engine, stack)
    if missing_secrets(workspace.environment, stack):
        there = (item for item in seen.containers if not item.one_off)
        secrets = {item.service: item.labels.get(labels.SECRETS, "") for item in there}
    else:
        secrets = with_secrets(stack, workspace.environment).fingerprints()
    plan = plan_up(stack, seen, secrets=secrets, inputs=workspace.inputs, remove_orphans=True)
    return [item for item in plan if item.action not in (Action.BUILD, Action.PULL)]


def bring_images(engine: Engine, workspace: Workspace, report: Report) -> dict[str, Image]:
    """Build or pull what is missing, give what is there the release's name, and push what was built to the registry,
    where there is one. Returns the images that the platform builds, by service."""
    stack = workspace.stack
    pulled = set()
    for operation in (plan := planned_images(engine, workspace)):
        if _is_of_registry(workspace, operation.subject) and _pulled(engine, operation.subject, report):
            pulled.add(operation.subject)
    rest = [item for item in plan if item.subject not in pulled]
    Execution(engine, stack, inputs=workspace.inputs, report=report).prepare(rest)
    for own, there in workspace.named_again.items():
        engine.tag(there, own)
    made = {item.subject for item in rest if item.action is Action.BUILD} | {*workspace.named_again}
    for reference in sorted(made):
        if _is_of_registry(workspace, reference):
            push_image(engine, reference, partial(report, reference))
    found = {}
    for name, service in stack.services.items():
        if "build" in service:
            image = engine.image(image_of(stack, name))
            if image is None:
                raise DataopsError(
                    f"The image {image_of(stack, name)} has just been removed by somebody else",
                    hint="Deploy again; nothing was changed.",
                )
            found[name] = Image(image_of(stack, name), image["Id"])
    return found


def _is_of_registry(workspace: Workspace, image: str) -> bool:
    registry = workspace.environment.settings.stack.registry
    return bool(registry) and image.startswith(f"{registry}/")


def _pulled(engine: Engine, image: str, report: Report) -> bool:
    """Whether the registry has an image of the release: the same commit was built before, here or by CI."""
    try:
        pull_image(engine, image, partial(report, image))
    except DataopsError:
        return False
    return True


def bring_containers(engine: Engine, workspace: Workspace, report: Report, check: Callable[[], None]) -> int:
    """Make the stack what the release says, and wait until it is healthy. Returns the number of changes.

    `check` is called before each of them: it raises where they are not ours to make any more.
    """
    stack = workspace.stack
    full = with_secrets(stack, workspace.environment)
    fingerprints = full.fingerprints()
    seen = observe(engine, stack)
    plan = plan_up(stack, seen, secrets=fingerprints, inputs=workspace.inputs, remove_orphans=True)

    def checked(subject: str, text: str) -> None:
        check()
        report(subject, text)

    Execution(engine, stack, full.secrets, fingerprints, workspace.inputs, seen.containers, checked).up(
        plan, wait_until_healthy=True, timeout=workspace.environment.settings.stack.timeout
    )
    return len(plan)


def bring_service(engine: Engine, workspace: Workspace, service: str, report: Report) -> None:
    """Make one service what the release says, and wait until it is healthy; the others stay."""
    stack = only(workspace.stack, [service])
    full = with_secrets(stack, workspace.environment)
    fingerprints, seen = full.fingerprints(), observe(engine, stack)
    plan = plan_up(stack, seen, secrets=fingerprints, inputs=workspace.inputs)
    Execution(engine, stack, full.secrets, fingerprints, workspace.inputs, seen.containers, report).up(
        plan, wait_until_healthy=True, timeout=workspace.environment.settings.stack.timeout
    )


def take_away(engine: Engine, project: str, networks: Mapping[str, Mapping[str, str]], report: Report) -> int:
    """Remove all containers and networks of a stack; its volumes stay. Returns the number of changes."""
    plan = plan_down(observe_containers(engine, project), networks, ())
    down(engine, plan, report)
    return len(plan)
