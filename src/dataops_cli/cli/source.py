"""`dataops source`: put data into the environment's source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    pass

app = typer.Typer(help="Load or generate the source data.", no_args_is_help=True)

LockWait = Annotated[str, typer.Option(metavar="TIME", help="Wait this long for another load to end.")]
Plan = Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.")]
