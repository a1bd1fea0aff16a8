"""What must hold before a deployment begins, so that it can be carried out and taken back."""

from __future__ import annotations

from dataops_cli.deploy.site import Site
from dataops_cli.deploy.workspace import Workspace
from dataops_cli.errors import DataopsError, UsageError
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Engine, Runner
from dataops_cli.stack.environment import missing_secrets, refuse_after_first_start


def require_data_in_the_stack(environment: Environment) -> None:
    """Raises UsageError where consumers read files of the operator's machine, which dbt's container cannot build."""
    settings = environment.settings
    if settings.dbt.runner is Runner.PROCESS and settings.warehouse.engine is Engine.DUCKDB:
        raise UsageError(
            f"The data of {environment.name} are on the operator's machine (dbt.runner is process), "
            "so a deployment of its stack could not publish them",
            hint='Set dbt.runner = "container", or "airflow", in the environment\'s file.',
        )


def require_secrets(site: Site, workspace: Workspace) -> None:
    """Raises DataopsError (exit 3) where this operator lacks one that the release needs."""
    if missing := missing_secrets(workspace.environment, workspace.stack):
        refuse_after_first_start(site.own, workspace.environment, workspace.stack, site.engine, missing)


def require_way_back(site: Site, before: str) -> None:
    """Raises DataopsError where the release that is in force could not be brought back."""
    try:
        with site.kept(before) as workspace:
            require_secrets(site, workspace)
    except DataopsError as error:
        raise DataopsError(
            f"There would be no way back to {before}: {error.reason}",
            hint=f"{error.hint}; to go without: --no-rollback",
            details=error.details,
            exit_code=error.exit_code,
        ) from error
