"""Containers as they are: stopped, started, restarted and taken away, along the dependencies in their labels."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from dataops_cli.docker_api import Engine, or_none
from dataops_cli.stack.observe import Container
from dataops_cli.stack.parallel import along
from dataops_cli.stack.reconcile import Action, Operation, dependencies

Report = Callable[[str, str], None]


def apply_lifecycle(engine: Engine, plan: Sequence[Operation], report: Report) -> None:
    """Apply a plan of `plan_lifecycle`, each container with its own grace period."""

    def apply(operation: Operation) -> None:
        if operation.action is Action.START:
            engine.start(operation.container_id)
        elif operation.action is Action.STOP:
            engine.stop(operation.container_id)
        else:
            engine.restart(operation.container_id)

    _along(plan, apply, report)


def down(engine: Engine, plan: Sequence[Operation], report: Report) -> None:
    """Apply a plan of `plan_down`: containers, then networks, then volumes. What is gone already is no error."""

    def remove(operation: Operation) -> None:
        if operation.container is not None:
            stop_and_remove(engine, operation.container)

    _along([item for item in plan if item.container], remove, report)
    for operation in plan:
        if operation.action is Action.REMOVE_NETWORK:
            report(operation.subject, str(operation.action))
            or_none(partial(engine.remove_network, operation.subject))
        elif operation.action is Action.REMOVE_VOLUME:
            report(operation.subject, str(operation.action))
            or_none(partial(engine.remove_volume, operation.subject))


def stop_and_remove(engine: Engine, container: Container) -> None:
    """Within its own grace period. What is gone already is no error."""
    if container.running:
        or_none(partial(engine.stop, container.id))
    engine.remove_if_there(container.id)


def _along(plan: Sequence[Operation], apply: Callable[[Operation], None], report: Report) -> None:
    by_service: dict[str, list[Operation]] = {}
    for operation in plan:
        by_service.setdefault(operation.service, []).append(operation)

    def work(service: str) -> None:
        for operation in by_service[service]:
            report(operation.subject, str(operation.action))
            apply(operation)

    along(_needs(by_service), work, threading.Event())


def _needs(plan: Mapping[str, Sequence[Operation]]) -> dict[str, set[str]]:
    """By service, in the plan's order, those before it in the plan that it depends on, or that depend on it."""
    uses = {
        service: {name for item in items if item.container for name in dependencies(item.container)}
        for service, items in plan.items()
    }
    names = list(plan)
    return {
        name: {other for other in names[:index] if other in uses[name] or name in uses[other]}
        for index, name in enumerate(names)
    }
