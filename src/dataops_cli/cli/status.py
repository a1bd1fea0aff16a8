"""`dataops status`: one screen on the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from dataops_cli.cli.application import Application, command

if TYPE_CHECKING:
    from dataops_cli.facts.model import Facts

app = typer.Typer(add_completion=False)

# Seconds between two looks of one who watches.
INTERVAL = 5.0


@command(app)
def status(
    app: Application,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    collect: Annotated[
        bool, typer.Option(hidden=True, help="Write what is known here of runs and data, as JSON.")
    ] = False,
) -> None:
    """Show one screen: release, containers, runs, data, deploys, schedule, alerts.

    What cannot be had says why in its place. Exit 0; 3 where the environment has a stack whose engine is not
    reachable. Whether all is well: dataops health.
    """
    if collect:  # asked for by this command on another machine
        from dataops_cli.facts.data import read_data

        data = read_data(app.environment.settings, app.project.state(app.environment.name))
        app.console.result({"data": data.document()})
        return
    from dataops_cli.errors import ExitCode
    from dataops_cli.status.document import document
    from dataops_cli.status.screen import rendered

    if watch:
        _watched(app)
    with app.console.activity("Looking"):
        facts = gathered(app)
    app.console.result(document(facts, app.advice), *rendered(facts, app.advice))
    if facts.engine_is_away:
        raise typer.Exit(ExitCode.UNAVAILABLE)


def gathered(app: Application) -> Facts:
    from dataops_cli.facts.gathering import gather

    return gather(app.project, app.environment, app.console, app.overrides)


def _watched(app: Application) -> NoReturn:
    """Show the screen until KeyboardInterrupt: in place on a terminal, else one after the other."""
    import time
    from datetime import datetime

    from rich.console import Group, RenderableType
    from rich.text import Text

    from dataops_cli.status.document import document
    from dataops_cli.status.screen import rendered

    shown: list[RenderableType] = [Text("Looking", "dim")]
    with app.console.live(lambda: Group(*shown)) as live:
        while True:
            facts = gathered(app)
            screen = rendered(facts, app.advice)
            if live:
                now = f"{datetime.now().astimezone():%H:%M:%S}"
                shown[:] = [*screen, "", Text(f"{now}, Ctrl-C ends it", "dim")]
            else:
                app.console.record(document(facts, app.advice), Group(*screen, ""))
            time.sleep(INTERVAL)
