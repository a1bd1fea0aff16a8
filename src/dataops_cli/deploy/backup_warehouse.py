"""The warehouse's part of a backup: with DuckDB, or with SQL Server."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from dataops_cli.deploy.backup import Backup, WarehouseCopy
from dataops_cli.deploy.backup_files import Files
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Engine as WarehouseEngine
from dataops_cli.settings.model import Runner


class Keeper(Protocol):
    """Who backs a warehouse up and brings it back."""

    def back_up(self, identity: str, before: Collection[Backup]) -> WarehouseCopy | None:
        """A copy of what is published; None where there is nothing yet. `before` are the backups that count."""

    def prepare(self, backup: Backup, copy: WarehouseCopy) -> None:
        """Check a copy, and do all that changes nothing. Raises DataopsError where it cannot be restored."""

    def restore(self, backup: Backup, copy: WarehouseCopy) -> None:
        """Make a copy that was prepared what consumers read."""

    def plan_back_up(self) -> list[str]:
        """What `back_up` would do, a step each."""

    def plan_restore(self, copy: WarehouseCopy) -> list[str]:
        """What `restore` would do, a step each."""


def keeper(project: Project, environment: Environment, files: Files) -> Keeper | None:
    """None where the warehouse lies on the operator's machine and is no part of the stack."""
    settings = environment.settings
    if settings.warehouse.engine is WarehouseEngine.SQLSERVER:
        from dataops_cli.deploy.backup_server import ServerKeeper

        return ServerKeeper(environment, files.report)
    if settings.dbt.runner is Runner.PROCESS:
        return None
    from dataops_cli.deploy.backup_embedded import EmbeddedKeeper

    return EmbeddedKeeper(project, environment, files)


def require_same_engine(backup: Backup, copy: WarehouseCopy, environment: Environment) -> None:
    """Raises DataopsError (exit 5) where the warehouse has moved to another kind of database since."""
    engine = environment.settings.warehouse.engine.value
    if copy.engine != engine:
        raise DataopsError(
            f"The backup {backup.id} is of a warehouse in {copy.engine}, and warehouse.engine is {engine} now",
            hint=f"Restore the rest alone: dataops backup restore {backup.id} --only metadata",
            exit_code=ExitCode.REFUSED,
        )
