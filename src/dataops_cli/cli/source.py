"""`dataops source`: put data into the environment's source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.cli.application import Application, command, command_line
from dataops_cli.cli.recording import audited

if TYPE_CHECKING:
    from dataops_cli.source.totals import StagedSource

app = typer.Typer(
    add_completion=False,
    help="Put data into the source: load, generate or restore it; create what SQL Server needs.",
    no_args_is_help=True,
)

Plan = Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.")]
LockWait = Annotated[str, typer.Option(metavar="TIME", help="Wait this long for another load to end.")]

# Where the dbt project says which source columns its models read.
DECLARATION = Path("models") / "sources" / "adventureworks.yml"


@command(app)
@audited
def load(
    app: Application,
    folder: Annotated[
        Path, typer.Option("--from", metavar="DIR", help="Folder with the seven tables' files.")
    ],
    plan: Plan = False,
    lock_wait: LockWait = "0s",
) -> None:
    """Load AdventureWorks from files: <Schema>.<Table>.csv[.gz], or Microsoft's install script's.

    All seven tables are loaded aside and checked, then switched in together. A run under way keeps
    the source it started with; on SQL Server the switch waits for it (--lock-wait), or is refused.
    """
    from dataops_cli.source.declared import declared_columns
    from dataops_cli.source.files import find_files
    from dataops_cli.source.load import stage_files

    found = find_files(folder)
    _refuse_where_the_file_is_elsewhere(app)
    if plan:
        files = [{"table": file.table.full_name, "file": str(file.path)} for file in found]
        lines = [f"load {file['table']} from {file['file']}" for file in files]
        app.console.result(
            {"plan": [*files, {"switch_in": "all tables"}]}, *lines, "switch all seven tables in together"
        )
        return
    required = declared_columns(app.project.dbt / DECLARATION)
    _replace_source(
        app,
        f"Loading {folder}",
        lambda target: stage_files(folder, target, required, app.console.progress),
        lock_wait,
    )


def _refuse_where_the_file_is_elsewhere(app: Application) -> None:
    """Raises UsageError where the source is a file in dbt's container, which sees no folder of this machine."""
    from dataops_cli.errors import UsageError
    from dataops_cli.settings.model import Engine, Runner
    from dataops_cli.stack.environment import prefix_of

    settings = app.environment.settings
    if settings.warehouse.engine is Engine.DUCKDB and settings.dbt.runner is not Runner.PROCESS:
        raise UsageError(
            f"The source of {app.environment.name} is a file in its dbt container, which sees no folder of this machine",
            hint=f"Copy the files there: tar -C DIR -c . | docker exec -i {prefix_of(app.environment)}dataops-dbt "
            "sh -c 'mkdir -p /tmp/source && tar -C /tmp/source -x' · Load them: dataops exec dbt -- dataops source load --from /tmp/source",
        )


@command(app)
@audited
def generate(
    app: Application,
    scale: Annotated[float, typer.Option(help="1 is the size of AdventureWorks: 31,465 orders.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same rows.")] = 1,
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Do nothing when there is a source already.")
    ] = False,
    plan: Plan = False,
    lock_wait: LockWait = "0s",
) -> None:
    """Make AdventureWorks-shaped sample data."""
    from dataops_cli.cli.delegation import delegate
    from dataops_cli.settings.model import Engine
    from dataops_cli.source.generate import generate as stage_generated

    if app.environment.settings.warehouse.engine is Engine.DUCKDB:
        delegate(app, changes=not plan)  # the file is where dbt runs
    if if_missing and _has_source(app):
        app.console.progress("There is a source already.")
        return
    if plan:
        change = {"generate": {"scale": scale, "seed": seed}}
        app.console.result(
            change, f"generate scale {scale:g} with seed {seed}", "switch all seven tables in together"
        )
        return
    _replace_source(
        app,
        f"Generating scale {scale:g} with seed {seed}",
        lambda target: stage_generated(target, scale, seed, app.console.progress),
        lock_wait,
    )


@command(app)
@audited
def restore(
    app: Application,
    backup: Annotated[
        str | None,
        typer.Option("--from", metavar="PATH|URL", help="Backup to restore (default: Microsoft's release)."),
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(metavar="HEX", help="SHA-256 that the file must have.")
    ] = None,
    on_server: Annotated[
        bool, typer.Option("--on-server", help="The path of --from is one that the server sees.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a database that is there, with everything in it.")
    ] = False,
    plan: Plan = False,
) -> None:
    """Restore AdventureWorks2014 into SQL Server from a backup (.bak).

    A download goes on where it stopped. No checksum of Microsoft's file is
    built in: without --sha256, only a later download is checked, against the
    first. The file is copied into the stack's container and removed afterwards;
    for another server, copy it there and use --on-server. A database that is
    there already is left alone.
    """
    from dataops_cli.cli.source_restore import restore_source

    restore_source(app, backup, sha256=sha256, on_server=on_server, force=force, plan=plan)


@command(app)
@audited
def grants(app: Application, plan: Plan = False) -> None:
    """Create databases, schemas, logins and their permissions in SQL Server.

    As the administrator (warehouse.admin_user), once before the first run, and again whenever a secret or the
    source has been replaced: each statement does nothing where it is done already. Nothing else needs the
    administrator afterwards. --plan writes it as a script for whoever may run it, without the passwords.
    """
    from dataops_cli.errors import UsageError
    from dataops_cli.settings.model import Engine
    from dataops_cli.source.tables import SCHEMAS
    from dataops_cli.warehouse.sqlserver import grants as sqlserver_grants
    from dataops_cli.warehouse.sqlserver.connection import Server

    if app.environment.settings.warehouse.engine is not Engine.SQLSERVER:
        raise UsageError(
            f"Environment {app.environment.name} has an embedded warehouse, which knows no logins",
            hint="Name an environment on SQL Server: --env dev",
        )
    server = Server(app.environment.settings, app.console.warn)
    statements = sqlserver_grants.plan(server, SCHEMAS)
    document = [{"database": item.database, "sql": item.sql} for item in statements]
    if plan:
        if app.as_json:
            app.console.result({"plan": document})
        else:
            app.console.text(sqlserver_grants.script(server, statements))
        return
    with app.console.activity("Setting up logins and permissions"):
        sqlserver_grants.apply(server, statements)
    app.console.result({"applied": document}, f"Carried out {len(statements)} statements on {server.place}.")


def _has_source(app: Application) -> bool:
    from dataops_cli.settings.model import Engine

    if app.environment.settings.warehouse.engine is Engine.DUCKDB:
        return (app.project.state(app.environment.name) / "source.duckdb").exists()
    from dataops_cli.source.sqlserver import exists
    from dataops_cli.warehouse.sqlserver.connection import Server

    return exists(Server(app.environment.settings, app.console.warn))


def _replace_source(
    app: Application, label: str, stage: Callable[[Path], StagedSource], lock_wait: str
) -> None:
    """Stage a source aside, switch it in, show what it holds."""
    from dataclasses import asdict

    from dataops_cli import durations
    from dataops_cli.console import table
    from dataops_cli.settings.model import Engine
    from dataops_cli.warehouse.embedded import EmbeddedWarehouse

    wait = durations.seconds(lock_wait)
    warehouse = EmbeddedWarehouse(app.project.state(app.environment.name))
    with warehouse.loading(command_line(), wait=wait) as staged:
        if app.environment.settings.warehouse.engine is Engine.SQLSERVER:
            from dataops_cli.source.sqlserver import require_ready
            from dataops_cli.warehouse.sqlserver.connection import Server

            # Whatever is wrong with the server is said before minutes of staging.
            server = Server(app.environment.settings, app.console.warn)
            require_ready(server, command=command_line(), lock_wait=wait)
        with app.console.activity(label):
            source = stage(staged)
        if app.environment.settings.warehouse.engine is Engine.DUCKDB:
            warehouse.replace_source(staged)
        else:
            from dataops_cli.source.sqlserver import load as load_into_sqlserver

            with app.console.activity("Loading into SQL Server"):
                load_into_sqlserver(
                    server,
                    staged,
                    command=command_line(),
                    lock_wait=wait,
                    on_progress=app.console.progress,
                )
            staged.unlink()
    figures = asdict(source.totals)
    app.console.result(
        {"tables": {count.table: count.rows for count in source.tables}, "totals": figures},
        table(["table", "rows"], [[count.table, count.rows] for count in source.tables]),
        "",
        table(["total", ""], [[name, value] for name, value in figures.items()]),
    )
