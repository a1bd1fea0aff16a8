"""`dataops logs`: what the stack's containers wrote, in the order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.stack_options import Services, chosen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataops_cli.console import Console
    from dataops_cli.stack.log_stream import Line
    from dataops_cli.stack.observe import Container

app = typer.Typer(add_completion=False, help="Show what the stack's containers wrote, interleaved by time.")

COLORS = ("cyan", "yellow", "green", "magenta", "blue", "bright_red")


Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines until no container runs.")]
Tail = Annotated[int | None, typer.Option(metavar="N", min=0, help="The last N lines of each container.")]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Not older than this: 10m, 2h or 2026-01-31T10:00:00Z.")
]


@command(app)
def logs(
    app: Application,
    services: Services = None,
    follow: Follow = False,
    tail: Tail = None,
    since: Since = None,
) -> None:
    """Show what the stack's containers wrote, interleaved by time."""
    from dataops_cli.stack.environment import require_stack

    show_logs(app, require_stack(app.environment), services, follow=follow, tail=tail, since=since)


def show_logs(
    app: Application,
    project: str,
    services: Sequence[str] | None,
    *,
    follow: bool,
    tail: int | None,
    since: str | None,
) -> None:
    """The logs of a project's containers; Ctrl-C is the usual end of following them."""
    from dataops_cli import docker_api
    from dataops_cli.errors import ExitCode
    from dataops_cli.stack.log_stream import all_logs, from_moment
    from dataops_cli.stack.observe import observe_containers

    engine = docker_api.connect()
    found = observe_containers(engine, project)
    shown = chosen(found, services)
    begin = from_moment(engine, since) if since else ""
    writer = _Writer(app.console, shown)
    try:
        for line in all_logs(engine, project, shown, services or (), begin=begin, tail=tail, follow=follow):
            writer.show(line)
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None


class _Writer:
    """Lines as they are shown: after the service, in its colour, with the number where there are several."""

    def __init__(self, console: Console, containers: list[Container]) -> None:
        self._console = console
        self._colors: dict[str, str] = {}
        services = [item.service for item in containers]
        self._several = {name for name in services if services.count(name) > 1}
        names = [
            f"{item.service}-{item.number}" if item.service in self._several else item.service
            for item in containers
        ]
        self._width = max(map(len, names), default=0)
        self._prefixes: dict[str, str] = {}

    def show(self, line: Line) -> None:
        item = line.container
        if self._console.as_json:
            document = {
                "time": line.stamp,
                "service": item.service,
                "container": item.name,
                "line": line.text,
            }
            self._console.record(document, "")
            return
        if item.id not in self._prefixes:
            color = self._colors.setdefault(item.service, COLORS[len(self._colors) % len(COLORS)])
            several = item.service in self._several or item.number > 1
            name = f"{item.service}-{item.number}" if several else item.service
            self._prefixes[item.id] = self._console.styled(f"{name:<{self._width}} | ", color)
        self._console.text(f"{self._prefixes[item.id]}{line.text}\n")
