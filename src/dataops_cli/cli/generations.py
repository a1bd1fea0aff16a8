"""`dataops generations`: what was published, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.cli.application import Application, command, command_line, with_global_options
from dataops_cli.cli.delegation import delegate
from dataops_cli.cli.recording import audited

if TYPE_CHECKING:
    from dataops_cli.warehouse.generation import Generation

app = typer.Typer(
    add_completion=False,
    help="List what was published, or publish an earlier generation again.",
    invoke_without_command=True,
)


@app.callback()
@with_global_options
def generations(app: Application, *, context: typer.Context) -> None:
    """List what was published, or publish an earlier generation again."""
    if not context.invoked_subcommand:
        _list(app)


@command(app, "list")
def list_(app: Application) -> None:
    """List the generations that are kept, the newest first; so does `dataops generations` alone."""
    _list(app)


def _list(app: Application) -> None:
    delegate(app)
    from dataops_cli.console import table
    from dataops_cli.warehouse.select import open_warehouse

    warehouse = open_warehouse(app.environment.settings, app.project.state(app.environment.name))
    current = warehouse.published()
    kept = warehouse.generations()
    if not kept:
        app.console.result([], f"Nothing has been published yet. Build it with: {app.hint('run')}")
        return

    def is_current(item: Generation) -> bool:
        return current is not None and item.run_id == current.run_id

    columns = ["run_id", "published", "published_at", "release", "as_of_date", "rows"]
    app.console.result(
        [item.document() | {"published": is_current(item)} for item in kept],
        table(
            columns,
            [
                [
                    item.run_id,
                    is_current(item),
                    item.published_at,
                    item.release,
                    item.as_of_date,
                    sum(item.rows.values()),
                ]
                for item in kept
            ],
        ),
    )


@command(app)
@audited
def publish(
    app: Application,
    run_id: Annotated[str, typer.Argument(help="The generation, by its run.")],
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.")] = False,
    lock_wait: Annotated[str, typer.Option(metavar="TIME", help="Wait this long for a run to end.")] = "0s",
    asked_by: Annotated[
        str | None,
        typer.Option(hidden=True, metavar="TEXT", help="Who has the lock reserved, as for dataops step."),
    ] = None,
) -> None:
    """Publish an earlier generation again: consumers read its rows from then on."""
    delegate(app, changes=not plan)
    from dataops_cli import durations
    from dataops_cli.warehouse.select import open_warehouse

    warehouse = open_warehouse(app.environment.settings, app.project.state(app.environment.name))
    before = warehouse.published()
    change = {"publish": run_id, "in_place_of": before.run_id if before else None}
    if before is not None and before.run_id == run_id:
        app.console.result({"published": run_id, "changed": False}, f"{run_id} is what is published already.")
        return
    if plan:
        warehouse.require_generation(run_id)
        app.console.result(change, f"publish {run_id}, in place of {change['in_place_of']}")
        return
    with warehouse.hold(command_line(), wait=durations.seconds(lock_wait), whose=asked_by) as lease:
        generation = warehouse.publish_again(run_id, lease)
        if asked_by:
            lease.unreserve()
    app.console.result(
        {"published": run_id, "changed": True, "in_place_of": change["in_place_of"]},
        f"Published {generation.run_id} (as of {generation.as_of_date}).",
    )
