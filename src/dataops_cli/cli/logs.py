"""`dataops logs`: what the stack's containers wrote, in the order of time."""

from __future__ import annotations

from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.stack_options import Services, chosen

app = typer.Typer(add_completion=False, help="Show what the stack's containers wrote, interleaved by time.")


@command(app)
def logs(
    app: Application,
    services: Services = None,
    tail: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="The last N lines of each container.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Not older than this, such as 10m or 2h.")
    ] = None,
) -> None:
    """Show what the stack's containers wrote, interleaved by time."""
    import heapq
    import time

    from rich.text import Text

    from dataops_cli import docker_api, durations
    from dataops_cli.stack.environment import require_stack
    from dataops_cli.stack.observe import observe_containers

    engine = docker_api.connect()
    found = chosen(observe_containers(engine, require_stack(app.environment)), services)
    start = int(time.time() - durations.seconds(since)) if since else None
    width = max((len(item.service) for item in found), default=0)
    colors = ["cyan", "yellow", "green", "magenta", "blue", "bright_red"]
    streams = []
    for index, item in enumerate(found):
        lines = engine.logs(item.id, tail="all" if tail is None else tail, since=start).decode(
            errors="replace"
        )
        streams.append([(line.partition(" "), index) for line in lines.splitlines()])
    for (stamp, _, text), index in heapq.merge(*streams):
        service = found[index].service
        app.console.record(
            {"time": stamp, "service": service, "container": found[index].name, "line": text},
            Text.assemble((f"{service:<{width}} | ", colors[index % len(colors)]), text),
        )
