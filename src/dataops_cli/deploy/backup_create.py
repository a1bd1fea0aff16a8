"""Making a backup: the metadata database first, then the warehouse, and last the document that makes it count."""

from __future__ import annotations

from dataops_cli import __version__
from dataops_cli.deploy.backup import DOCUMENTS, Backup, backups, begin, now, who
from dataops_cli.deploy.backup_files import Files, Report
from dataops_cli.deploy.backup_metadata import DATABASE, metadata_database
from dataops_cli.deploy.backup_services import SCHEDULER, airflow_version
from dataops_cli.deploy.backup_warehouse import keeper
from dataops_cli.deploy.journal import Journal, current
from dataops_cli.docker_api import Engine
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.stack.dbt_container import REVISION
from dataops_cli.stack.environment import require_stack
from dataops_cli.stack.observe import observe_containers
from dataops_cli.stack.run_command import running_container
from dataops_cli.stack.state import State, state_of


def plan_create(engine: Engine, project: Project, environment: Environment, report: Report) -> list[str]:
    """What `create` would do, a step each. Raises DataopsError (exit 3) where a container that it needs does not
    run."""
    files = Files(engine, state_of(engine, environment), report)
    database = metadata_database(engine, require_stack(environment), report)
    warehouse = keeper(project, environment, files)
    return [
        f"dump the database {DATABASE} in {database.container.name}, and check the dump",
        "copy the dump into the state, and read it back",
        *(warehouse.plan_back_up() if warehouse else []),
    ]


def create(
    engine: Engine,
    project: Project,
    environment: Environment,
    *,
    reason: str,
    report: Report,
    was_paused: bool | None = None,
) -> Backup:
    """Back up the metadata database and the warehouse of an environment. Wants the stack's lock to be held. A
    deployment that has paused the pipeline says whether it `was_paused` before: a restore brings that back.

    Raises DataopsError: exit 3 where a container that it needs does not run, or where there is too little space. Then
    there is no backup, and the next `prune` removes what was stored of it.
    """
    name = require_stack(environment)
    state = state_of(engine, environment)
    files = Files(engine, state, report)
    database = metadata_database(engine, name, report)
    warehouse = keeper(project, environment, files)
    before = backups(state)
    versions = {
        "postgres": database.version,
        "airflow": airflow_version(engine, name),
        "dataops": __version__,
    }
    identity = begin(state)
    metadata = database.back_up(files, identity)
    backup = Backup(
        id=identity,
        number=before[0].number + 1 if before else 1,
        environment=environment.name,
        project=name,
        made_at=now(),
        made_by=who(),
        reason=reason,
        release=_release(engine, state),
        versions=versions,
        metadata=metadata,
        warehouse=warehouse.back_up(identity, before) if warehouse else None,
        was_paused=was_paused,
    )
    state.add(f"{DOCUMENTS}/{identity}.json", backup.document())
    return backup


def _release(engine: Engine, state: State) -> str | None:
    """The release in force; else the commit that the running Airflow was built from."""
    if (release := current(Journal(state).deployments())) is not None:
        return release
    container = running_container(observe_containers(engine, state.project), SCHEDULER, None)
    revision = container.labels.get(REVISION) if container else None
    return None if revision == "unknown" else revision
