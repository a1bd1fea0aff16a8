"""`dataops health`: whether the platform is all right, and if not, what is wrong and what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command

app = typer.Typer(add_completion=False, help="Check the platform's machine, services, dbt, data and release.")


def check_names(incomplete: str) -> list[str]:
    """For the shell's completion."""
    from dataops_cli.cli.health_looking import every_check

    return [check.name for check in every_check() if check.name.startswith(incomplete)]


def layer_names(incomplete: str) -> list[str]:
    from dataops_cli.health.check import Layer

    return [layer for layer in Layer if layer.startswith(incomplete)]


@command(app)
def health(
    app: Application,
    check: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Make this check only; can be given again.", autocompletion=check_names
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LAYER",
            help="Make the checks of this layer only: machine, services, dbt, data or release.",
            autocompletion=layer_names,
        ),
    ] = None,
    junit: Annotated[bool, typer.Option("--junit", help="Write JUnit XML to stdout.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Write Markdown to stdout, for a CI job's summary.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    wait: Annotated[
        str, typer.Option(metavar="TIME", help="Look again until all is healthy, this long at most: 5m.")
    ] = "0",
    notify: Annotated[
        bool, typer.Option("--notify", help="Send a notification where health has turned bad, or good again.")
    ] = False,
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="Longest time for one check, such as 5s.")
    ] = None,
) -> None:
    """Check the platform's machine, services, dbt, data and release.

    Each failure comes with its remedy. Exit 0 where nothing failed (warnings are allowed), 1 where something did, 3 where the engine is not reachable.
    """
    from dataops_cli.cli.health_looking import Looking, tell_of, until_healthy, watched
    from dataops_cli.cli.health_output import Form, show
    from dataops_cli.durations import seconds, timeout_seconds
    from dataops_cli.errors import UsageError
    from dataops_cli.health.report import exit_code

    if app.as_json + junit + markdown > 1:
        raise UsageError("--json, --junit and --markdown exclude each other", hint="Give one of them.")
    if watch and (junit or markdown or wait != "0"):
        raise UsageError(
            "--watch goes with none of --junit, --markdown and --wait", hint="Leave them out, or --watch."
        )
    if notify and (check or layer):
        raise UsageError(
            "--notify tells of the health as a whole", hint="Leave out --check and --layer, or --notify."
        )
    looking = Looking.prepare(app, check or (), layer or (), timeout_seconds(timeout))
    if watch:
        watched(app, looking, notify=notify)
        return
    outcomes = until_healthy(app, looking, seconds(wait))
    if notify:
        tell_of(app, outcomes)
    show(app, outcomes, Form.JUNIT if junit else Form.MARKDOWN if markdown else Form.TABLE)
    raise typer.Exit(exit_code(outcomes))
