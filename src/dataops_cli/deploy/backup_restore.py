"""Bringing a backup back: everything is checked and prepared aside before anything is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from dataops_cli.deploy.backup import Backup, WarehouseCopy, find
from dataops_cli.deploy.backup_files import Files, Report
from dataops_cli.deploy.backup_metadata import ASIDE, BEFORE, DATABASE, MetadataDatabase, metadata_database
from dataops_cli.deploy.backup_services import INITIALISE, idle, migrate, stopped, users
from dataops_cli.deploy.backup_warehouse import Keeper, keeper, require_same_engine
from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.stack.environment import require_stack
from dataops_cli.stack.state import state_of


class Part(StrEnum):
    """What is to be restored."""

    METADATA = "metadata"
    WAREHOUSE = "warehouse"
    BOTH = "both"


@dataclass(frozen=True)
class Restored:
    """What was restored. `kept` is the name under which the metadata database of before is kept, `idle` are the
    services that use it and do not run, as after a restore that was killed; `paused` says that the pipeline's DAG is
    paused in the restored one."""

    backup: Backup
    metadata: bool
    warehouse: bool
    kept: str | None
    idle: tuple[str, ...]
    paused: bool = False


def plan_restore(
    engine: Engine,
    project: Project,
    environment: Environment,
    backup_id: str,
    *,
    only: Part = Part.BOTH,
    report: Report,
) -> list[str]:
    """What `restore` would do, a step each. Raises DataopsError as it does; the files are not read."""
    work = _Restore(engine, project, environment, backup_id, only, report)
    steps = []
    if work.warehouse:
        steps += work.warehouse[0].plan_restore(work.warehouse[1])
    if work.metadata:
        name = work.metadata.container.name
        names = [item.name for item in users(engine, work.project_name)]
        steps = [
            f"restore {work.backup.metadata.name} into a database {ASIDE} in {name}",
            *(["let the pipeline run again in it: it was paused for a deployment only"] * work.resumes),
            *steps,
            *(f"stop {item}" for item in names),
            f"rename {DATABASE} to {BEFORE}…, and {ASIDE} to {DATABASE}; drop what earlier restores kept",
            f"bring the database to Airflow's schema ({INITIALISE})",
            *(f"start {item}" for item in reversed(names)),
        ]
    return steps


def restore(
    engine: Engine,
    project: Project,
    environment: Environment,
    backup_id: str,
    *,
    only: Part = Part.BOTH,
    report: Report,
    check: Callable[[], None] = lambda: None,
) -> Restored:
    """Bring a backup back. Wants the stack's lock to be held; `check` is called before each change, and raises where the
    lock is no longer held.

    The services that use the metadata database are stopped for the moment in which it is replaced, and started again.
    Readers of a warehouse in SQL Server are cut off; those of DuckDB keep what they have open.

    Raises DataopsError: exit 3 where a container that it needs does not run; exit 4 while a run uses the warehouse;
    exit 5 for a backup that is not there, is another stack's, or is not what it was. Unless `details` say what was
    restored already, nothing was changed then.
    """
    work = _Restore(engine, project, environment, backup_id, only, report)
    if work.warehouse:
        # First, so that a backup of which one file is damaged changes nothing.
        work.warehouse[0].prepare(work.backup, work.warehouse[1])
    if work.metadata:
        work.metadata.fill_aside(work.files, work.backup.metadata)
        if work.resumes:
            work.metadata.resume_aside()
    if work.warehouse:
        # Before the metadata: a run may have taken the warehouse's lock meanwhile.
        try:
            check()
            work.warehouse[0].restore(work.backup, work.warehouse[1])
        except DataopsError:
            if work.metadata:
                work.metadata.drop_aside()
            raise
    kept = None
    if work.metadata:
        try:
            check()
            kept = _replace(engine, work.project_name, work.metadata, report)
        except DataopsError as error:
            if work.warehouse is None:
                raise
            raise _telling(error, "The warehouse has been restored.") from error
    return Restored(
        work.backup,
        work.metadata is not None,
        work.warehouse is not None,
        kept,
        tuple(idle(engine, work.project_name)),
        work.metadata is not None and work.metadata.is_paused() is True,
    )


def _replace(engine: Engine, project: str, database: MetadataDatabase, report: Report) -> str:
    kept = ""
    try:
        with stopped(engine, project, report):
            kept = _replace_alone(engine, project, database, report)
    except DataopsError as error:
        if not kept:
            raise
        raise _telling(
            error,
            f"The metadata database has been restored; that of before is {kept}.",
            "Not all services that use it run again: dataops up starts them.",
        ) from error
    return kept


def _replace_alone(engine: Engine, project: str, database: MetadataDatabase, report: Report) -> str:
    report(database.container.name, "replacing the metadata database")
    kept = database.swap()
    try:
        migrate(engine, project, report)
    except DataopsError as error:
        report(database.container.name, "putting the metadata database back")
        try:
            database.swap_back(kept)
        except DataopsError as another:
            raise _telling(
                error, f"The database of before could not be put back: {another.reason}"
            ) from error
        raise _telling(error, "The metadata database is what it was before.") from error
    return kept


def _telling(error: DataopsError, *more: str) -> DataopsError:
    return DataopsError(
        error.reason, hint=error.hint, exit_code=error.exit_code, details=(*error.details, *more)
    )


class _Restore:
    """The backup, and who restores its parts. Raises DataopsError where one of them cannot."""

    def __init__(
        self,
        engine: Engine,
        project: Project,
        environment: Environment,
        backup_id: str,
        only: Part,
        report: Report,
    ) -> None:
        self.project_name = require_stack(environment)
        state = state_of(engine, environment)
        self.files = Files(engine, state, report)
        self.backup = find(state, backup_id, self.project_name)
        self.metadata: MetadataDatabase | None = None
        self.warehouse: tuple[Keeper, WarehouseCopy] | None = None
        copy = self.backup.warehouse
        if only is Part.WAREHOUSE and copy is None:
            raise DataopsError(
                f"The backup {backup_id} holds no warehouse: nothing had been published",
                hint="Restore another one: dataops backup list",
                exit_code=ExitCode.REFUSED,
            )
        # The deployment that made the backup had paused it.
        self.resumes = self.backup.was_paused is False
        if only is not Part.WAREHOUSE:
            self.metadata = metadata_database(engine, self.project_name, report)
        if only is not Part.METADATA and copy is not None:
            require_same_engine(self.backup, copy, environment)
            if found := keeper(project, environment, self.files):
                self.warehouse = (found, copy)
