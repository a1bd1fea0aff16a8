"""The services that use the metadata database, stopped while it is replaced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dataops_cli.deploy.backup_files import Report
from dataops_cli.deploy.backup_metadata import SERVICE as POSTGRES
from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError
from dataops_cli.stack.lifecycle import apply_lifecycle
from dataops_cli.stack.observe import Container, observe_containers
from dataops_cli.stack.reconcile import Action, dependencies, plan_lifecycle
from dataops_cli.stack.run_command import running_container

INITIALISE = "airflow-init"
SCHEDULER = "airflow-scheduler"
VERSION = "from importlib.metadata import version; print(version('apache-airflow'))"


def users(engine: Engine, project: str) -> list[Container]:
    """The running containers that use the database: their services depend on it."""
    return [
        item
        for item in observe_containers(engine, project)
        if item.running and not item.one_off and POSTGRES in dependencies(item)
    ]


def idle(engine: Engine, project: str) -> list[str]:
    """The services that use the database and have a container that has been stopped."""
    return sorted(
        {
            item.service
            for item in observe_containers(engine, project)
            if item.state == "exited"
            and not item.one_off
            and item.service != INITIALISE
            and POSTGRES in dependencies(item)
        }
    )


@contextmanager
def stopped(engine: Engine, project: str, report: Report) -> Iterator[None]:
    """Stop what uses the database while the block runs, and start it again, whatever becomes of the block."""
    before = users(engine, project)
    try:
        apply_lifecycle(engine, plan_lifecycle(Action.STOP, before), report)
        yield
    finally:
        mine = {item.id for item in before}
        there = [item for item in observe_containers(engine, project) if item.id in mine]
        apply_lifecycle(engine, plan_lifecycle(Action.START, there), report)


def migrate(engine: Engine, project: str, report: Report) -> None:
    """Bring the database to the schema of the Airflow that is there, as `dataops up` does.

    Raises DataopsError where Airflow cannot: the database is that of a newer one.
    """
    for item in observe_containers(engine, project):
        if item.service == INITIALISE and not item.one_off and item.state != "created":
            report(item.name, "bringing the database to Airflow's schema")
            engine.start(item.id)
            if code := engine.wait(item.id):
                raise DataopsError(
                    f"{INITIALISE} failed on the restored database (exit code {code})",
                    hint="The backup may be of a newer Airflow than the one that is deployed: "
                    f"dataops logs {INITIALISE}",
                )


def airflow_version(engine: Engine, project: str) -> str | None:
    """None where the scheduler does not run, or begins again and again."""
    container = running_container(observe_containers(engine, project), SCHEDULER, None)
    if container is None:
        return None
    try:
        code, output = engine.exec(container.id, ["/opt/airflow/venv/bin/python", "-c", VERSION])
    except EngineError as error:
        if error.status != 409:
            raise
        return None
    return None if code else output.decode(errors="replace").strip()
