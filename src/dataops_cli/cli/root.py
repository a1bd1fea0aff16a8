"""The command `dataops` itself. Subcommands are imported when they are used, not to list them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from dataops_cli import __version__
from dataops_cli.cli.application import Application, with_global_options
from dataops_cli.cli.subcommands import HIDDEN, SUBCOMMANDS

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
        for name in HIDDEN:
            self.add_command(TyperCommand(name=name, hidden=True))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, stub, rest = super().resolve_command(ctx, args)
        if name is None or stub is None:
            return name, stub, rest
        loaded = typer.main.get_command(import_module(f"dataops_cli.cli.{name}").app)
        loaded.name = name
        return name, loaded, rest

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _interrupts_told():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        with _interrupts_told():
            return super().invoke(ctx)


@contextmanager
def _interrupts_told() -> Iterator[None]:
    """Typer makes of Ctrl-C an exit without a word; as an Abort it comes through to who renders it."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise typer.Abort from interrupt


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
