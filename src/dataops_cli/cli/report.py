"""`dataops report`: gold, and the state of the platform, as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command

app = typer.Typer(add_completion=False)

FILE = "report.html"


@command(app, "report")
def report(
    app: Application,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Where it goes (default: .dataops/<env>/report.html)."
        ),
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    names: Annotated[
        bool,
        typer.Option("--names", help="Name the customers at risk, who are numbers otherwise: personal data."),
    ] = False,
    collect: Annotated[
        str | None, typer.Option(hidden=True, help="Write what it shows as JSON: all of it, or platform.")
    ] = None,
) -> None:
    """Write a report on sales and the platform: one HTML file, which needs no network."""
    from dataops_cli.cli.report_sources import collected, health_of
    from dataops_cli.report.collect import collect as collect_here

    home = app.project.state(app.environment.name)
    if collect is not None:  # asked for by this command on another machine
        app.console.result(collect_here(app.environment, home, names=names, part=collect))
        return
    from dataops_cli.files import write_text
    from dataops_cli.report.page import render, summary

    path = (out or home / FILE).absolute()
    with app.console.activity("Reading gold") as now:
        document = collected(app, names=names)
        now("Looking at the platform's health")
        health = health_of(app)
        now("Drawing")
        write_text(path, render(document, health, health_command=app.hint("health")))
    figures = summary(document)
    app.console.result(
        {"path": str(path), **figures},
        f"{app.project.relative(path)} shows what run {figures['run_id']} has published.",
    )
    if open_it:
        import webbrowser

        webbrowser.open(path.as_uri())
