"""What `dataops source restore` does: the file is brought here, into the container, and restored from there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from dataops_cli.cli.application import Application
from dataops_cli.errors import DataopsError, ExitCode, UsageError

if TYPE_CHECKING:
    from dataops_cli.docker_api import Engine
    from dataops_cli.stack.observe import Container
    from dataops_cli.warehouse.sqlserver.backup_file import BackupFile
    from dataops_cli.warehouse.sqlserver.download import Downloaded

SERVICE = "sqlserver"
# In the volume of the service, and the user of Microsoft's image: the one folder that it surely reads.
HOME, FOLDER, OWNER = "/var/opt/mssql", "dataops-restore", 10001
DOWNLOADS = Path(".dataops") / "downloads"


def restore_source(
    app: Application, given: str | None, *, sha256: str | None, on_server: bool, force: bool, plan: bool
) -> None:
    """Restore what the options of `dataops source restore` name, and show what came of it."""
    from dataops_cli.settings.model import Engine as WarehouseEngine
    from dataops_cli.source.tables import TABLES
    from dataops_cli.warehouse.sqlserver.backup_file import Place, backup_file
    from dataops_cli.warehouse.sqlserver.connection import Server
    from dataops_cli.warehouse.sqlserver.restore import is_there, restore
    from dataops_cli.warehouse.sqlserver.source_database import refuse_unsafe

    settings = app.environment.settings
    if settings.warehouse.engine is not WarehouseEngine.SQLSERVER:
        raise UsageError(
            f"The environment {app.environment.name} has no SQL Server (warehouse.engine is "
            f"{settings.warehouse.engine.value}), so it restores no backup",
            hint=f"Load files with {app.hint('source load --from DIR')}, make data with "
            f"{app.hint('source generate')}, or name an environment that has one: --env dev",
        )
    refuse_unsafe(settings)
    backup = backup_file(given, sha256=sha256, on_server=on_server)
    database = settings.warehouse.source_database
    if backup.place is not Place.SERVER and not app.environment.settings.has_own_server:
        raise DataopsError(
            f"The SQL Server at {settings.warehouse.server} is not in a container of this environment's stack, "
            "so no file can be copied to it",
            hint="Copy the backup to the server, and give the path that the server sees: "
            + app.hint("source restore --from PATH --on-server"),
            exit_code=ExitCode.UNAVAILABLE,
        )
    if plan:
        _show_plan(app, backup, force=force)
        return

    server = Server(settings, on_retry=app.console.progress)
    tables = [(table.schema, table.name) for table in TABLES]
    if is_there(server, tables, force=force):
        _show_that_it_is_there(app, database)
        return
    place: Callable[[], AbstractContextManager[str]] = lambda: nullcontext(backup.address)  # noqa: E731
    local: Downloaded | None = None
    if backup.place is not Place.SERVER:
        engine, container = _own_container(app)  # before the download, which may take long
        local = _bring_here(app, backup)
    with app.console.activity(f"Restoring {database}") as rename:
        if local is not None:
            place = _copying(app, engine, container, local.path, rename)
        restored = restore(server, place, tables, force=force, on_step=rename)
    if restored is None:
        _show_that_it_is_there(app, database)
        return
    app.console.result(
        {
            "database": database,
            "restored": True,
            "from": backup.shown,
            "sha256": local.sha256 if local else None,
            "files": [{"name": move.name, "path": move.target} for move in restored.files],
        },
        f"Restored {database} from {backup.shown}",
        f"Next, give the logins what they need: {app.hint('source grants')}",
    )


def _own_container(app: Application) -> tuple[Engine, Container]:
    from dataops_cli import docker_api
    from dataops_cli.stack.environment import require_stack
    from dataops_cli.stack.observe import observe_containers
    from dataops_cli.stack.run_command import not_running, running_container

    engine = docker_api.connect()
    containers = observe_containers(engine, require_stack(app.environment))
    container = running_container(containers, SERVICE, None)
    if container is None:
        raise not_running(SERVICE, [SERVICE], f"Start it: {app.hint(f'up {SERVICE}')}")
    return engine, container


def _bring_here(app: Application, backup: BackupFile) -> Downloaded:
    with app.console.activity(f"Reading {backup.shown}") as rename:
        local = backup.bring_here(
            app.project.root / DOWNLOADS,
            lambda done, size: rename(f"Downloading {backup.shown}: {_amount(done, size)}"),
        )
    path = app.project.relative(local.path)
    app.console.progress(f"{'Downloaded' if local.fetched else 'Using'} {path}, SHA-256 {local.sha256}")
    return local


def _copying(
    app: Application, engine: Engine, container: Container, file: Path, rename: Callable[[str], None]
) -> Callable[[], AbstractContextManager[str]]:
    from dataops_cli.stack.copied_file import copied_file

    name = _path_below_home(app)
    return lambda: copied_file(
        engine,
        container.id,
        file,
        HOME,
        name,
        owner=OWNER,
        on_progress=lambda done, size: rename(f"Copying it into {container.name}: {_amount(done, size)}"),
        on_left=lambda path: app.console.warn(
            f"The copy in {container.name} could not be removed: {path}",
            f"Remove it: {app.hint(f'exec {SERVICE} -- rm -rf {path}')}",
        ),
    )


def _path_below_home(app: Application) -> str:
    """One name for a database: what a kill left is overwritten by the next restore, and then removed."""
    import re

    return (
        f"{FOLDER}/{re.sub(r'[^A-Za-z0-9_.-]', '_', app.environment.settings.warehouse.source_database)}.bak"
    )


def _show_plan(app: Application, backup: BackupFile, *, force: bool) -> None:
    from dataops_cli.warehouse.sqlserver.backup_file import Place
    from dataops_cli.warehouse.sqlserver.download import file_name
    from dataops_cli.warehouse.sqlserver.restore_statements import planned

    database = app.environment.settings.warehouse.source_database
    steps = []
    path = backup.address
    file = Path(backup.address)
    if backup.place is Place.WEB:
        file = DOWNLOADS / file_name(backup.address)
        steps.append(f"download {backup.shown} to {file}")
    if backup.place is not Place.SERVER:
        path = f"{HOME}/{_path_below_home(app)}"
        steps.append(f"copy {file} into the container of {SERVICE} as {path}")
    steps += planned(database, path, force=force)
    if backup.place is not Place.SERVER:
        steps.append("remove the copy from the container")
    condition = "" if force else f"Unless {database} is there with all its tables:"
    app.console.result(
        {"only_if_missing": not force, "plan": steps}, *([condition] if condition else []), *steps
    )


def _show_that_it_is_there(app: Application, database: str) -> None:
    app.console.result(
        {"database": database, "restored": False},
        f"{database} is there already, with all its tables. To replace it: {app.hint('source restore --force')}",
    )


def _amount(done: int, size: int | None) -> str:
    megabytes = f"{done / 1e6:.0f}"
    return f"{done * 100 // size} %, {megabytes} of {size / 1e6:.0f} MB" if size else f"{megabytes} MB"
