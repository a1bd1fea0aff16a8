"""`dataops source`: put data into the environment's source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.cli.application import Application, command, command_line

if TYPE_CHECKING:
    from dataops_cli.source.totals import StagedSource

app = typer.Typer(add_completion=False, help="Load or generate the source data.", no_args_is_help=True)

Plan = Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.")]
LockWait = Annotated[str, typer.Option(metavar="TIME", help="Wait this long for another load to end.")]

# Where the dbt project says which source columns its models read.
DECLARATION = Path("models") / "sources" / "adventureworks.yml"


@command(app)
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
    the source it started with.
    """
    from dataops_cli.source.declared import declared_columns
    from dataops_cli.source.files import find_files
    from dataops_cli.source.load import stage_files

    if plan:
        files = [{"table": file.table.full_name, "file": str(file.path)} for file in find_files(folder)]
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


@command(app)
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
    from dataops_cli.source.generate import generate as stage_generated

    if if_missing and (app.project.state(app.environment.name) / "source.duckdb").exists():
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


def _replace_source(
    app: Application, label: str, stage: Callable[[Path], StagedSource], lock_wait: str
) -> None:
    """Stage a source aside, switch it in, show what it holds."""
    from dataclasses import asdict

    from dataops_cli import durations
    from dataops_cli.console import table
    from dataops_cli.errors import DataopsError, ExitCode
    from dataops_cli.settings.model import Engine
    from dataops_cli.warehouse.embedded import EmbeddedWarehouse

    if app.environment.settings.warehouse.engine is not Engine.DUCKDB:
        raise DataopsError(
            f"Environment {app.environment.name} has its source in SQL Server, which this version cannot load",
            hint="Load the embedded one with --env local",
            exit_code=ExitCode.UNAVAILABLE,
        )
    warehouse = EmbeddedWarehouse(app.project.state(app.environment.name))
    with warehouse.loading(command_line(), wait=durations.seconds(lock_wait)) as staged:
        with app.console.activity(label):
            source = stage(staged)
        warehouse.replace_source(staged)
    figures = asdict(source.totals)
    app.console.result(
        {"tables": {count.table: count.rows for count in source.tables}, "totals": figures},
        table(["table", "rows"], [[count.table, count.rows] for count in source.tables]),
        "",
        table(["total", ""], [[name, value] for name, value in figures.items()]),
    )
