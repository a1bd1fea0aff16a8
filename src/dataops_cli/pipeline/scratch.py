"""Where `dataops dbt` works: a copy of what is published, so that trying things out publishes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dataops_cli.dbt.session import DbtSession
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import explained, read_state, write_state
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Engine, Runner
from dataops_cli.warehouse import sqlserver
from dataops_cli.warehouse.embedded import Candidate, EmbeddedWarehouse
from dataops_cli.warehouse.lock import hold


@contextmanager
def scratch_session(project: Project, environment: Environment, command: str) -> Iterator[DbtSession]:
    """dbt with the environment's settings.

    On DuckDB it gets a scratch copy of the published warehouse, made anew after every publication.
    """
    settings = environment.settings
    if settings.dbt.runner is not Runner.PROCESS:
        raise DataopsError(
            f"Environment {environment.name} runs dbt by {settings.dbt.runner.value}, which this version cannot",
            hint="Run dbt here instead, in front of the command: DATAOPS_DBT__RUNNER=process",
            exit_code=ExitCode.UNAVAILABLE,
        )
    folder = project.state(environment.name) / "scratch"
    variables = {
        "freshness_warn_after_days": settings.freshness.warn_after_days,
        "freshness_error_after_days": settings.freshness.error_after_days,
    }
    with hold(folder, command):
        if settings.warehouse.engine is Engine.DUCKDB:
            dbt_environment = _copy(EmbeddedWarehouse(folder.parent), folder).dbt_environment()
        else:
            dbt_environment = sqlserver.dbt_environment(settings.warehouse)
        dbt_environment["DATAOPS_DBT_THREADS"] = str(settings.dbt.threads)
        session = DbtSession(project.dbt, folder / "target", folder, dbt_environment, variables)
        try:
            yield session
        finally:
            session.close()


def _copy(warehouse: EmbeddedWarehouse, folder: Path) -> Candidate:
    """The scratch copy, fresh where something else has been published or loaded since it was made."""
    scratch = Candidate("scratch", folder)
    published = warehouse.published()
    state = {"copy_of": published.run_id if published else None}
    known = read_state(folder / "scratch.json")
    if known is None or known["copy_of"] != state["copy_of"] or not warehouse.source_is_that_of(scratch):
        with explained(folder):
            for stale in (scratch.path, scratch.path.with_name(f"{scratch.path.name}.wal"), scratch.source):
                stale.unlink(missing_ok=True)
            if published:
                shutil.copyfile(warehouse.link, scratch.path)
            warehouse.freeze_source(scratch)
        write_state(folder / "scratch.json", state)
    return scratch
