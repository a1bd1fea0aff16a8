"""`dataops init`: a new platform."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command

app = typer.Typer(add_completion=False)


@command(app, "init")
def init(
    app: Application,
    folder: Annotated[Path, typer.Argument(help="Where; an empty or new folder.")] = Path(),
) -> None:
    """Make a new platform in a folder."""
    import shlex

    from dataops_cli.scaffold import create_platform

    has_git = create_platform(folder)
    if not has_git:
        app.console.warn("no git repository was made, since git is not installed", hint="apt-get install git")
    lines = [f"Made a platform in {folder}. Next:"]
    if folder != Path():
        lines.append(f"  cd {shlex.quote(str(folder))}")
    lines += ["  dataops source generate", "  dataops run"]
    app.console.result({"platform": folder.resolve(), "git": has_git}, *lines)
