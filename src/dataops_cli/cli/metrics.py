"""`dataops metrics`: what is known of the environment, for Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.cli.application import Application, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataops_cli.health.examination import Outcome

app = typer.Typer(add_completion=False)


@command(app)
def metrics(
    app: Application,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write a *.prom file for a node exporter's textfile collector.",
        ),
    ] = None,
    health: Annotated[
        bool, typer.Option("--health", help="Make the checks of dataops health, too: as slow as the slowest.")
    ] = False,
) -> None:
    """Write Prometheus metrics: runs, tests, data, deploys, containers, health.

    Exit 0; 3 where the environment has a stack whose engine is not reachable: what is known is written even so.
    """
    from dataops_cli.cli.status import gathered
    from dataops_cli.errors import ExitCode
    from dataops_cli.metrics.families import families
    from dataops_cli.metrics.text import exposition, require_textfile, write_textfile

    if out is not None:
        require_textfile(out)
    with app.console.activity("Looking"):
        facts = gathered(app)
        found = families(facts, _checked(app) if health else None)
    if out is not None:
        write_textfile(out.absolute(), exposition(found))
        app.console.result({"path": str(out), "series": found.count}, f"{out}: {found.count} series")
    elif app.as_json:
        app.console.result(found.document())
    else:
        app.console.text(exposition(found))
    if facts.engine_is_away:
        raise typer.Exit(ExitCode.UNAVAILABLE)


def _checked(app: Application) -> Sequence[Outcome]:
    from dataops_cli.cli.health_looking import Looking

    return Looking.prepare(app, (), (), None).once()
