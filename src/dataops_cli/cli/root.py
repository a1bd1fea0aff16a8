"""The command `dataops` itself. Subcommands are imported when they are used, not to list them."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from dataops_cli import __version__
from dataops_cli.cli.application import Application, with_global_options

# Subcommand → (what it does, panel in the help). Each is the module of that name beside this one,
# whose `app` is a Typer application.
SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "init": ("Make a new platform in a folder.", "Platform"),
    "env": ("List the environments, or show one.", "Platform"),
    "config": ("Show, explain and validate settings.", "Platform"),
    "secrets": ("List, set, generate and rotate secrets.", "Platform"),
    "doctor": ("Check that this machine has what the environment needs.", "Platform"),
    "up": ("Bring the environment's stack up, and wait until it is healthy.", "Stack"),
    "down": ("Remove the stack's containers and networks; volumes stay.", "Stack"),
    "ps": ("List the stack's containers with their state and health.", "Stack"),
    "logs": ("Show what the stack's containers wrote, interleaved by time.", "Stack"),
    "exec": ("Run a command in a container of the stack.", "Stack"),
    "stop": ("Stop the stack's containers, dependents first; nothing is removed.", "Stack"),
    "start": ("Start the stack's containers that exist.", "Stack"),
    "restart": ("Restart the stack's containers.", "Stack"),
    "build": ("Build the images that the stack is built from.", "Stack"),
    "pull": ("Pull the stack's images.", "Stack"),
    "source": (
        "Put data into the source: load, generate or restore it; create what SQL Server needs.",
        "Data",
    ),
    "run": ("Build, test and publish bronze, silver and gold.", "Data"),
    "runs": ("List the runs, or show one.", "Data"),
    "generations": ("List what was published, or publish an earlier generation again.", "Data"),
    "sql": ("Query the warehouse.", "Data"),
    "docs": ("Build or serve the documentation with its lineage.", "Data"),
    "dbt": ("Run any dbt command with the environment's settings.", "Data"),
}

EPILOG = (
    "Exit codes: 0 done · 1 the thing asked for failed · 2 wrong usage or configuration · "
    "3 something needed is not there or not reachable · 4 locked by someone else · "
    "5 refused because it would be unsafe · 130 interrupted"
)


class Root(TyperGroup):
    """Lists subcommands from the table above, so that `--help` imports none of them."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (text, panel) in SUBCOMMANDS.items():
            self.add_command(TyperCommand(name=name, help=text, rich_help_panel=panel))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, stub, rest = super().resolve_command(ctx, args)
        if name is None or stub is None:
            return name, stub, rest
        loaded = typer.main.get_command(import_module(f"dataops_cli.cli.{name}").app)
        loaded.name = name
        return name, loaded, rest


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"dataops {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="dataops",
    cls=Root,
    help="Build, test, publish, deploy and roll back a SQL Server, dbt and Airflow data platform.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
@with_global_options
def root(
    _app: Application,
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version.")
    ] = False,
) -> None:
    pass
