"""What must hold before a deployment begins, so that it can be carried out and taken back."""

from __future__ import annotations

from dataops_cli.deploy.site import Site
from dataops_cli.deploy.workspace import Workspace
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Engine, Runner
from dataops_cli.stack import labels
from dataops_cli.stack.environment import missing_secrets, refuse_after_first_start, with_secrets
from dataops_cli.stack.observe import observe_containers


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


def require_same_secrets(site: Site) -> None:
    """Raises DataopsError (exit 5) where this operator's secrets are not those that the release in force runs with:
    every container would be made anew with the wrong ones, and so would the way back."""
    with site.in_force() as workspace:
        if not workspace.release or missing_secrets(workspace.environment, workspace.stack):
            return
        ours = with_secrets(workspace.stack, workspace.environment).fingerprints()
    others = [
        item.name
        for item in observe_containers(site.engine, site.project)
        if not item.one_off and item.service in ours and item.labels.get(labels.SECRETS) != ours[item.service]
    ]
    if others:
        raise DataopsError(
            f"The secrets here are not those that {site.name} runs with: {', '.join(others)}",
            hint="After new ones were set here: dataops up. Else take over the file "
            f"environments/{site.name}.secrets.env of whoever set them.",
            exit_code=ExitCode.REFUSED,
        )


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
