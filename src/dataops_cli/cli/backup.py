"""`dataops backup`: the metadata database and the warehouse, kept on the engine and brought back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataops_cli.cli.application import Application, command, with_global_options
from dataops_cli.cli.recording import audited
from dataops_cli.cli.stack_change import changing_stack
from dataops_cli.cli.stack_options import PlanOption, counted, reporting

if TYPE_CHECKING:
    from dataops_cli.deploy.backup import Backup
    from dataops_cli.deploy.backup_restore import Part

app = typer.Typer(
    add_completion=False,
    help="List, make and restore backups of the metadata database and the warehouse.",
    invoke_without_command=True,
)

Identity = Annotated[str, typer.Argument(metavar="ID", help="The backup: dataops backup list.")]


@app.callback()
@with_global_options
def backup(app: Application, *, context: typer.Context) -> None:
    """List, make and restore backups of the metadata database and the warehouse."""
    if not context.invoked_subcommand:
        _list(app)


@command(app, "list")
def list_(app: Application) -> None:
    """List the backups, the newest first; so does `dataops backup` alone."""
    _list(app)


def _list(app: Application) -> None:
    from dataops_cli import docker_api
    from dataops_cli.console import table
    from dataops_cli.deploy.backup import backups
    from dataops_cli.stack.state import state_of

    found = backups(state_of(docker_api.connect(), app.environment))
    if not found:
        app.console.result([], f"There are no backups yet. Make one with: {app.hint('backup create')}")
        return
    columns = ["id", "made_at", "made_by", "release", "holds", "MB", "reason"]
    app.console.result(
        [item.document() for item in found],
        table(
            columns,
            [
                [
                    item.id,
                    item.made_at,
                    item.made_by,
                    item.release,
                    _holds(item),
                    _megabytes(item),
                    item.reason,
                ]
                for item in found
            ],
        ),
    )


@command(app)
@audited
def create(
    app: Application,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the list.")] = "",
    plan: PlanOption = False,
) -> None:
    """Back up the metadata database and the warehouse; the newest backup.keep are kept."""
    from dataops_cli import docker_api
    from dataops_cli.deploy.backup import prune
    from dataops_cli.deploy.backup_create import create, plan_create
    from dataops_cli.errors import DataopsError
    from dataops_cli.stack.environment import require_stack
    from dataops_cli.stack.state import state_of

    project = require_stack(app.environment)
    keep = app.environment.settings.backup.keep
    engine = docker_api.connect()
    if plan:
        steps = plan_create(engine, app.project, app.environment, lambda _subject, _text: None)
        _show_plan(app, [*steps, f"remove all but the newest {counted(keep, 'backup')}"])
        return
    with (
        changing_stack(app, engine, project, reason=reason) as lock,
        reporting(app, "Backing up") as report,
    ):
        lock()
        made = create(engine, app.project, app.environment, reason=reason, report=report)
        try:
            removed = prune(state_of(engine, app.environment), keep)
        except DataopsError as error:  # the backup is made
            removed = []
            app.console.warn(f"Older backups could not be removed: {error.reason}", error.hint)
    app.console.result(
        made.document() | {"removed": removed},
        f"Made the backup {made.id} of the {_holds(made)}: {_megabytes(made)} MB. "
        f"Restore it with: {app.hint(f'backup restore {made.id}')}",
        *([f"Removed {', '.join(removed)}"] if removed else []),
    )


@command(app)
@audited
def restore(
    app: Application,
    identity: Identity,
    only: Annotated[
        str, typer.Option("--only", metavar="PART", help="metadata or warehouse (default: both).")
    ] = "both",
    plan: PlanOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before data is replaced.")] = False,
) -> None:
    """Bring a backup back, in place of what is there now. Airflow is stopped meanwhile."""
    from dataops_cli import docker_api
    from dataops_cli.deploy.backup_restore import plan_restore, restore
    from dataops_cli.errors import DataopsError, ExitCode
    from dataops_cli.stack.environment import require_stack

    project = require_stack(app.environment)
    part = _part(only)
    engine = docker_api.connect()
    steps = plan_restore(
        engine, app.project, app.environment, identity, only=part, report=lambda _subject, _text: None
    )
    if plan:
        _show_plan(app, steps)
        return
    if not yes and not _agreed(app, identity):
        raise DataopsError(
            f"Nothing was restored: this would replace data of {app.environment.name} by the backup {identity}",
            hint=f"What it would do: {app.hint(f'backup restore {identity}')} --plan; "
            f"if that is what you want: {app.hint(f'backup restore {identity}')} --yes",
            exit_code=ExitCode.REFUSED,
        )
    with (
        changing_stack(app, engine, project) as lock,
        reporting(app, f"Restoring {identity}") as report,
    ):
        check = lock().check
        done = restore(engine, app.project, app.environment, identity, only=part, report=report, check=check)
    parts = [name for name, was in (("metadata", done.metadata), ("warehouse", done.warehouse)) if was]
    if done.idle:
        app.console.warn(
            f"Services that use the metadata database do not run: {', '.join(done.idle)}",
            "Start them: dataops up",
        )
    if done.paused:
        app.console.warn(
            "The pipeline is paused, as it was when the backup was made",
            "Let it run again: dataops airflow unpause dataops_pipeline",
        )
    app.console.result(
        {
            "restored": identity,
            "parts": parts,
            "kept_database": done.kept,
            "idle": list(done.idle),
            "paused": done.paused,
        },
        f"Restored {' and '.join(parts)} of {identity}, made {done.backup.made_at}.",
        *(
            [f"The metadata database of before is kept until the next restore, as {done.kept}."]
            if done.kept
            else []
        ),
    )


def _part(only: str) -> Part:
    from dataops_cli.deploy.backup_restore import Part
    from dataops_cli.errors import UsageError

    if only not in list(Part):
        raise UsageError(f"There is no part {only}", hint=f"Parts: {', '.join(Part)}")
    return Part(only)


def _show_plan(app: Application, steps: list[str]) -> None:
    app.console.result({"plan": steps}, *steps)


def _holds(item: Backup) -> str:
    return f"metadata and {item.warehouse.engine}" if item.warehouse else "metadata"


def _megabytes(item: Backup) -> Any:
    from decimal import Decimal

    return (Decimal(item.bytes) / 1_000_000).quantize(Decimal("0.1"))


def _agreed(app: Application, identity: str) -> bool:
    """The user's answer; without a terminal there is none."""
    if app.as_json or not sys.stdin.isatty():
        return False
    return typer.confirm(f"Replace data of {app.environment.name} by the backup {identity}?", err=True)
