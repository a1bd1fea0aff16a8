"""`dataops releases`: what an environment has been on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataops_cli.cli.application import Application, command, command_line, with_global_options
from dataops_cli.cli.deploy_options import LockWaitOption, site_of
from dataops_cli.cli.recording import audited
from dataops_cli.cli.stack_options import PlanOption

if TYPE_CHECKING:
    from dataops_cli.deploy.site import Site

# Digits from which on a number is a SHA.
SHORTEST = 7

app = typer.Typer(
    add_completion=False,
    help="List what was deployed; show a release, compare two.",
    invoke_without_command=True,
)


@app.callback()
@with_global_options
def releases(app: Application, *, context: typer.Context) -> None:
    """List what was deployed; show a release, compare two."""
    if not context.invoked_subcommand:
        _list(app)


@command(app, "list")
def list_(app: Application) -> None:
    """List the deployments, the newest first; so does `dataops releases` alone."""
    _list(app)


def _list(app: Application) -> None:
    from dataops_cli.console import table
    from dataops_cli.deploy.journal import current, release_before

    site = site_of(app)
    deployments = site.journal.deployments()
    if not deployments:
        app.console.result([], f"Nothing has been deployed yet. Deploy a commit: {app.hint('deploy')}")
        return
    now = current(deployments)
    kept = site.releases.all()
    before = release_before(deployments)
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for item in deployments:
        name = item.beginning.release
        first = name not in seen and item.outcome == "succeeded"
        seen |= {name} if first else set()
        role = ("current" if name == now else "previous" if name == before else "kept") if first else ""
        rows.append(item.document() | {"role": role if name in kept else ""})
    unfinished = "goes on" if rows[0]["outcome"] is None and site.is_being_changed() else "cut off"
    columns = ["number", "kind", "release", "role", "outcome", "at", "who", "seconds", "reason"]

    def cell(row: dict[str, Any], key: str) -> Any:
        if key == "kind" and not row["tested"]:
            return f"{row['kind']}, untested"
        return row[key] or (unfinished if key == "outcome" else row[key])

    shown = [[cell(row, key) for key in columns] for row in rows]
    app.console.result(rows, table(columns, shown))


@command(app)
def show(
    app: Application,
    release: Annotated[
        str, typer.Argument(help="SHA, tag, current, previous, or a deployment's number.")
    ] = "current",
) -> None:
    """Show what is known of a release; or of a deployment, its steps and why it failed."""
    from dataclasses import asdict

    from dataops_cli.console import table

    site = site_of(app)
    if release.isdigit() and len(release) < SHORTEST:
        _show_deployment(app, site, int(release))
        return
    found = _find(site, release)
    document = asdict(found)
    lines = [[key, value] for key, value in document.items() if isinstance(value, str)]
    lines += [[f"image of {name}", image.reference] for name, image in sorted(found.images.items())]
    lines += [[key, value] for key, value in sorted(found.settings.items())]
    app.console.result(document, table(["what", "value"], lines))


def _show_deployment(app: Application, site: Site, number: int) -> None:
    from dataops_cli.console import table
    from dataops_cli.errors import UsageError

    found = next((item for item in site.journal.deployments() if item.beginning.number == number), None)
    if found is None:
        raise UsageError(f"There is no deployment {number}", hint="All that is known: dataops releases")
    document = found.document()
    facts = ["kind", "release", "previous", "outcome", "message", "at", "who", "where", "reason", "published"]
    steps = [[step.name, step.ok, step.seconds, step.detail] for step in (*found.steps, *found.again)]
    app.console.result(
        document,
        table(["what", "value"], [[key, document[key]] for key in facts]),
        "",
        table(["step", "ok", "seconds", "detail"], steps),
    )


@command(app)
def diff(
    app: Application,
    old: Annotated[str, typer.Argument(help="SHA, tag, current or previous.")] = "previous",
    new: Annotated[str, typer.Argument(help="SHA, tag, current or previous.")] = "current",
) -> None:
    """Show what differs between two releases: commits, models, settings."""
    from dataops_cli.deploy.plan import compare_releases

    site = site_of(app)
    difference = compare_releases(site, _find(site, old), _find(site, new))
    app.console.result(difference.document(), *difference.lines())


@command(app)
@audited
def prune(app: Application, plan: PlanOption = False, lock_wait: LockWaitOption = "0s") -> None:
    """Remove releases, with their images, beyond what deploy.keep_releases says. Every deploy does it, too.

    As with every command that changes the stack, a deployment that was cut off is put right first. Images that another
    environment on the engine needs stay.
    """
    from dataops_cli import durations
    from dataops_cli.deploy.deploying import alone
    from dataops_cli.deploy.retention import observe_doomed
    from dataops_cli.deploy.retention import prune as carry_out

    site = site_of(app)
    found = observe_doomed(site)
    if not plan and (found.releases or found.images):
        with alone(site, command_line(), wait=durations.seconds(lock_wait)) as (held, _lease):
            found = carry_out(held)
    app.console.result(
        {"releases": list(found.releases), "images": list(found.images)},
        *(found.lines() or ["Nothing is kept that need not be."]),
    )


def _find(site: Site, asked: str) -> Any:
    from dataops_cli.deploy.deploying import as_sha
    from dataops_cli.deploy.journal import current, release_before
    from dataops_cli.deploy.release import find

    kept = site.releases.all()
    deployments = site.journal.deployments()
    named = {"current": current, "previous": release_before}
    meant = named[asked](deployments) if asked in named else as_sha(site, asked, kept)
    return find(kept, meant or asked, list(kept))
