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

    from dataops_cli.scaffold import Git, create_platform

    git = create_platform(folder)
    if git is Git.NOT_INSTALLED:
        app.console.warn("no git repository was made, since git is not installed", hint="apt-get install git")
    if git is Git.AROUND:
        app.console.warn(
            "no git repository was made, since the folder is in one already",
            hint="The workflows run only where the platform is its repository's root: for them, make it in a folder "
            "that is in none.",
        )
    made = ", and a git repository in it" if git is Git.MADE else ""
    lines = [f"Made a platform in {folder}{made}. Next:"]
    if folder != Path():
        lines.append(f"  cd {shlex.quote(str(folder))}")
    lines += ["  dataops source generate", "  dataops run"]
    app.console.result({"platform": folder.resolve(), "git": git is not Git.NOT_INSTALLED}, *lines)
