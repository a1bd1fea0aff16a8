"""Where `dataops dbt` works: a copy of what is published, so that trying things out publishes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dataops_cli.dbt.session import DbtSession
from dataops_cli.files import explained, read_state, write_state
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Engine, Runner, Settings
from dataops_cli.warehouse.embedded import Candidate, EmbeddedWarehouse
from dataops_cli.warehouse.lock import hold


@contextmanager
def scratch_session(
    project: Project, environment: Environment, command: str, *, connects: bool = True
) -> Iterator[DbtSession]:
    """dbt with the environment's settings, on a scratch copy of what is published, made anew after every publication.

    On DuckDB it is a copy of the file. On SQL Server it is a view on each published relation, which a model that is
    built replaces; `connects` is False for a command of dbt that reads files alone and needs none.
    """
    settings = environment.settings
    assert settings.dbt.runner is Runner.PROCESS  # noqa: S101 (others are sent to where dbt runs before)
    folder = project.state(environment.name) / "scratch"
    variables = {
        "freshness_warn_after_days": settings.freshness.warn_after_days,
        "freshness_error_after_days": settings.freshness.error_after_days,
    }
    with hold(folder, command):
        if settings.warehouse.engine is Engine.DUCKDB:
            dbt_environment = _copy(EmbeddedWarehouse(folder.parent), folder).dbt_environment()
        else:
            dbt_environment = _looked_through(settings, folder, connects)
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


def _looked_through(settings: Settings, folder: Path, connects: bool) -> dict[str, str]:
    """The variables of the scratch relations in SQL Server, refreshed where something else has been published."""
    from dataops_cli.warehouse.sqlserver.connection import Server
    from dataops_cli.warehouse.sqlserver.profile import dbt_environment
    from dataops_cli.warehouse.sqlserver.scratch import SCRATCH, refresh

    server = Server(settings)
    if connects:
        known = read_state(folder / "scratch.json")
        published = refresh(server, known["copy_of"] if known else None)
        write_state(folder / "scratch.json", {"copy_of": published})
    return dbt_environment(server, SCRATCH)
