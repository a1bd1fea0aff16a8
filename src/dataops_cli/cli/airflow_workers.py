"""Whether anyone takes the tasks of dbt's queue: looked up on the engine, where the environment's stack has its workers."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import TimeoutError as TookTooLong
from typing import TYPE_CHECKING

from dataops_cli.cli.application import Application
from dataops_cli.errors import DataopsError

if TYPE_CHECKING:
    from dataops_cli.airflow.model import Health
    from dataops_cli.stack.observe import Container

QUEUE = "dbt"
# Seconds that the look may take.
LIMIT = 5.0


def without_worker(app: Application, queues: Collection[str]) -> tuple[str, str] | None:
    """That nobody takes the tasks of one of these queues, and what to do about it; None where that is not known."""
    found = _workers(app) if QUEUE in queues else None
    if found is None or any(_takes(item) for item in found):
        return None
    reason = f"No worker takes the queue {QUEUE}"
    if not found:
        return f"{reason}: it has none", f"Bring it up: dataops up {QUEUE}"
    shown = ", ".join(f"{item.name} is {_state(item)}" for item in found)
    hints = {
        "exited": f"Start it: dataops start {QUEUE}",
        "created": f"Finish it: dataops up {QUEUE}",
        "paused": f"Let it go on: dataops restart {QUEUE}",
    }
    return f"{reason}: {shown}", hints.get(_state(found[0]), "What ails it: dataops worker ps")


def worker_health(app: Application) -> Health | None:
    """The workers as a part of Airflow; None where it is not known how they are."""
    from dataops_cli.airflow.model import Health

    found = _workers(app)
    if found is None:
        return None
    if any(_takes(item) for item in found):
        return Health("worker", "healthy", None)
    return Health("worker", _state(found[0]) if found else None, None)


def _workers(app: Application) -> list[Container] | None:
    """The workers of the environment's own stack; None where they cannot be seen, or others may be elsewhere."""
    from dataops_cli import docker_api
    from dataops_cli.stack.workers import workers
    from dataops_cli.threads import in_thread

    settings = app.environment.settings
    if not settings.stack.enabled or settings.airflow.url is not None or settings.worker.host:
        return None
    environment = app.environment
    try:
        return in_thread(lambda: workers(docker_api.connect(), environment), "workers").result(LIMIT)
    except (DataopsError, TookTooLong):  # who only watches may have no way to the engine
        return None


def _takes(worker: Container) -> bool:
    return _state(worker) == "running"


def _state(worker: Container) -> str:
    """`running`, `unhealthy`, or how else it is."""
    return "unhealthy" if worker.state == "running" and worker.health == "unhealthy" else worker.state
