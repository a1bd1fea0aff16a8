"""Another version of Airflow, whose metadata database may have another schema.

A newer one migrates the database at its start; an older one cannot work with what a newer one has migrated. So the
database is backed up first, while nothing uses it, and a deployment that fails gets it back from there. On purpose,
to an older version, the running Airflow brings the schema back itself (`airflow db downgrade`).
Source: Airflow's guide "Upgrading and downgrading", `airflow db migrate` and `downgrade`.
"""

from __future__ import annotations

from collections.abc import Callable

from dataops_cli.deploy.backup import find
from dataops_cli.deploy.backup_create import create
from dataops_cli.deploy.backup_files import Files
from dataops_cli.deploy.backup_metadata import metadata_database
from dataops_cli.deploy.backup_services import users
from dataops_cli.deploy.changes import AirflowChange
from dataops_cli.deploy.converge import Report
from dataops_cli.deploy.journal import Beginning
from dataops_cli.deploy.site import Site
from dataops_cli.errors import DataopsError
from dataops_cli.settings.load import Environment
from dataops_cli.stack.lifecycle import apply_lifecycle
from dataops_cli.stack.observe import Container, observe_containers
from dataops_cli.stack.reconcile import Action, plan_lifecycle
from dataops_cli.stack.run_command import running_container

# What answers nobody while the pipeline is paused and the others are stopped.
QUIET = "airflow-webserver"


def change_of(before: str, after: str) -> AirflowChange | None:
    """None where Airflow stays as it is, or where one of them is not known."""
    return AirflowChange(before, after) if before and after and before != after else None


def prepare(
    site: Site, before: Environment, beginning: Beginning, change: AirflowChange, report: Report
) -> Beginning:
    """Stop what uses the database, and back it up; to an older version, bring its schema back.

    `before` is the environment as the release in force sets it. Returns the beginning with the backup, for the way
    back. Raises DataopsError where Airflow cannot go back.
    """
    running = users(site.engine, site.project)
    _stop(site, [item for item in running if item.service != QUIET], report)
    reason = f"before Airflow {change.after}, {beginning.kind} {beginning.number}"
    made = create(
        site.engine, site.own, before, reason=reason, was_paused=beginning.was_paused, report=report
    )
    beginning = site.journal.found(beginning, backup=made.id)
    if change.goes_back:
        _downgrade(site, change, report)
    _stop(site, users(site.engine, site.project), report)
    return beginning


def put_back(site: Site, beginning: Beginning, check: Callable[[], None], report: Report) -> str:
    """Put the database back to what it was before the deployment. Can be done again at any moment."""
    backup = find(site.state, beginning.backup or "", site.project)
    database = metadata_database(site.engine, site.project, report)
    _stop(site, users(site.engine, site.project), report)
    database.fill_aside(Files(site.engine, site.state, report), backup.metadata)
    check()
    return f"as in backup {backup.id}; that of before is {database.swap()}"


def _downgrade(site: Site, change: AirflowChange, report: Report) -> None:
    container = running_container(observe_containers(site.engine, site.project), QUIET, None)
    by_hand = f"airflow db downgrade --to-version {change.after} --yes"
    if container is None:
        raise DataopsError(
            f"Airflow's database is that of {change.before}, and no webserver runs that could bring it back to "
            f"{change.after}",
            hint=f"Start it: dataops start {QUIET}; then try again. It will run: {by_hand}",
        )
    report(container.name, f"bringing its database back to {change.after}")
    code, output = site.engine.exec(container.id, by_hand.split())
    if code:
        lines = output.decode(errors="replace").splitlines()
        raise DataopsError(
            f"Airflow {change.before} cannot bring its database back to {change.after} (exit code {code})",
            hint=f"Go back to a release with Airflow {change.before}, or restore a backup that is older: "
            "dataops backup list",
            details=tuple(lines[-20:]),
        )


def _stop(site: Site, containers: list[Container], report: Report) -> None:
    apply_lifecycle(site.engine, plan_lifecycle(Action.STOP, containers), report)
