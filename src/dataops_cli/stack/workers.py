"""Workers for dbt's queue: the stack's own, and one on another machine, which is a Compose project of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.project import Project
from dataops_cli.settings import secrets
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Engine as Warehouse
from dataops_cli.settings.model import is_loopback
from dataops_cli.stack.certificate import from_line
from dataops_cli.stack.environment import (
    PORTS,
    EnvironmentStack,
    inside,
    load,
    missing_secrets,
    require_stack,
)
from dataops_cli.stack.model import Stack
from dataops_cli.stack.observe import Container, observe_containers
from dataops_cli.stack.pushing import require_commit
from dataops_cli.stack.secret_files import secret_contents
from dataops_cli.stack.selection import only

SERVICE = "dbt"
FILE = "compose/worker.yml"
# What Airflow calls the process of a task; the task's id follows.
TASK = "airflow worker -- "
PAUSE = 0.5


def worker_project(environment: Environment) -> str:
    return f"{require_stack(environment)}-worker"


def load_worker_stack(project: Project, environment: Environment) -> Stack:
    """The worker that this machine is to have. Raises UsageError where it could not reach what it works with, and
    DataopsError (exit 5) where it pulls its image and no commit says which."""
    settings = environment.settings
    name = worker_project(environment)
    if not settings.worker.host:
        raise UsageError(
            f"The environment {environment.name} has no workers on other machines (worker.host is not set)",
            hint="On the stack's machine, `dataops up --scale dbt=2` makes another worker. For other machines, set "
            "worker.host: docs/SCALING_OUT.md.",
        )
    if settings.warehouse.engine is Warehouse.DUCKDB:
        raise UsageError(
            "The warehouse is a DuckDB file on the stack's machine, which a worker on another one cannot open",
            hint="Use the stack's own worker, or a SQL Server.",
        )
    if is_loopback(settings.worker.host):
        raise UsageError(
            f"worker.host is {settings.worker.host}, which in a worker's container is the container itself",
            hint="Set it to the name or address of the stack's machine.",
        )
    sql_server = {
        "warehouse.server": settings.worker.host,
        "warehouse.port": PORTS["SQLSERVER_PORT"] + settings.stack.port_offset,
    }
    whole = load(project, environment, name, [FILE], (), inside(environment, sql_server))
    stack = only(whole, [SERVICE])
    if settings.stack.registry:
        require_commit(project, hint="Check out the commit whose images were pushed, without changes.")
        stack.services[SERVICE].pop("build", None)  # so that it is pulled
    return stack


def with_worker_secrets(stack: Stack, environment: Environment) -> EnvironmentStack:
    """The worker with its secrets. Raises DataopsError (exit 3) that names those that this machine does not have."""
    file = f"environments/{environment.name}.secrets.env"
    if missing := missing_secrets(environment, stack):
        raise DataopsError(
            f"This machine has not the stack's secrets {', '.join(missing)}",
            hint=f"Take each from {file} of the stack's machine: dataops secrets set {missing[0]}",
            exit_code=ExitCode.UNAVAILABLE,
        )
    line = environment.settings.worker.certificate
    if not line:
        raise UsageError(
            "worker.certificate is not set, so this worker would not know the stack from another",
            hint="Put there what this prints on the stack's machine: dataops worker certificate",
        )
    known = secrets.compose_variables(environment) | {"TLS_CERTIFICATE": from_line(line).decode()}
    return EnvironmentStack(stack, {SERVICE: secret_contents(stack, SERVICE, known)})


def workers(engine: Engine, environment: Environment) -> list[Container]:
    """The environment's workers on this engine: those of the stack, then the one for a stack elsewhere."""
    projects = (require_stack(environment), worker_project(environment))
    found = [item for name in projects for item in observe_containers(engine, name)]
    return [item for item in found if item.service == SERVICE and not item.one_off]


def names_of_tasks(engine: Engine, container: Container) -> dict[str, str]:
    """What a worker works on, as it says itself: id → DAG, task and run; nothing where it does not. One that is ending
    or has no broker does not answer, and one that restarts over and over, is paused or is gone cannot be asked."""
    try:
        code, output = engine.exec(container.id, ["worker-tasks"])
    except EngineError:  # the names are a courtesy: it can be drained without
        return {}
    lines = output.decode(errors="replace").splitlines() if code == 0 else []
    return dict(line.split(" ", 1) for line in lines if " " in line)


def tasks_of(engine: Engine, container: Container) -> list[str]:
    """The ids of the tasks that a worker works on."""
    try:
        processes = engine.processes(container.id)
    except EngineError:
        if _runs(engine, container):
            raise
        return []
    return [line.removeprefix(TASK) for line in processes if line.startswith(TASK)]


def called_tasks(engine: Engine, container: Container) -> list[str]:
    """The tasks that a worker works on, each as people call it, or by its id where the worker does not say."""
    names = names_of_tasks(engine, container)
    return [*names.values(), *(task for task in tasks_of(engine, container) if task not in names)]


def _let_finish(engine: Engine, container: Container) -> None:
    """Tell a worker to take no more tasks and to end. One that has ended meanwhile needs it no more."""
    try:
        engine.signal(container.id, "SIGTERM")
    except EngineError:
        if _runs(engine, container):
            raise


def _runs(engine: Engine, container: Container) -> bool:
    """Whether a container has processes: it runs, and is not between two tries to start."""
    try:
        state = engine.inspect(container.id)["State"]
    except EngineError as error:
        if error.status != 404:  # it was removed
            raise
        return False
    return bool(state["Running"] and not state.get("Restarting"))


def complaint(engine: Engine, container: Container) -> str:
    """What the latest health check said where it failed, such as why a worker takes no tasks."""
    checks = (engine.inspect(container.id)["State"].get("Health") or {}).get("Log") or []
    return str(checks[-1].get("Output", "")).strip() if checks and checks[-1].get("ExitCode") else ""


def drain(
    engine: Engine, containers: Sequence[Container], timeout: float, report: Callable[[str, str], None]
) -> None:
    """Let workers take no more tasks, and wait until they have finished theirs and ended.

    Raises DataopsError after `timeout` seconds. Nothing is cut off: they go on until they have finished.
    """
    names: dict[str, str] = {}
    for item in containers:
        names |= names_of_tasks(engine, item)
        _let_finish(engine, item)
    deadline = time.monotonic() + timeout
    said: dict[str, str] = {}
    left = list(containers)
    while True:
        left = [item for item in left if _runs(engine, item)]
        if not left:
            return
        for item in left:
            tasks = [names.get(task, task) for task in tasks_of(engine, item)]
            text = f"waiting for {', '.join(tasks)}" if tasks else "ending"
            if said.get(item.name) != text:
                report(item.name, text)
                said[item.name] = text
        if time.monotonic() > deadline:
            raise DataopsError(
                f"{', '.join(item.name for item in left)} has not finished its tasks in {timeout:g} seconds",
                details=tuple(f"{name}: {said[name]}" for name in (item.name for item in left)),
                hint="It takes no more, and ends when it has finished. Wait on: dataops worker stop",
            )
        time.sleep(PAUSE)
