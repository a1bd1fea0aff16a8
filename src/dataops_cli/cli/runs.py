"""`dataops runs`: what was run, and what came of it."""

from __future__ import annotations

from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command, with_global_options
from dataops_cli.cli.completion import run_ids
from dataops_cli.cli.delegation import delegate

app = typer.Typer(add_completion=False, help="List the runs, or show one.", invoke_without_command=True)


@app.callback()
@with_global_options
def runs(app: Application, *, context: typer.Context) -> None:
    """List the runs, or show one."""
    if not context.invoked_subcommand:
        _list(app)


@command(app, "list")
def list_(app: Application) -> None:
    """List the runs of the environment, the newest first; so does `dataops runs` alone."""
    _list(app)


def _list(app: Application) -> None:
    delegate(app)
    from dataops_cli.console import table
    from dataops_cli.pipeline.history import History

    records = History(app.project.state(app.environment.name)).runs()
    rows = [
        {
            "run_id": record.run_id,
            "status": record.facts["status"],
            "started_at": record.facts["started_at"],
            "seconds": record.facts.get("seconds"),
            "release": record.facts.get("release"),
            "as_of_date": record.facts.get("as_of_date"),
            "failures": len(record.facts.get("failures") or []),
            "command": record.facts["command"],
        }
        for record in records
    ]
    if not rows:
        app.console.result([], f"No runs yet. Start one with: {app.hint('run')}")
        return
    app.console.result(rows, table(list(rows[0]), [list(row.values()) for row in rows]))


@command(app)
def show(
    app: Application,
    run_id: Annotated[str, typer.Argument(help="The run, or `last`.", autocompletion=run_ids)] = "last",
) -> None:
    """Show one run: its models and tests, timings and artifacts."""
    delegate(app)
    from dataops_cli.console import table
    from dataops_cli.pipeline.history import History

    record = History(app.project.state(app.environment.name)).get(run_id)
    results = sorted(record.results(), key=lambda result: -result.seconds)
    artifacts = [app.project.relative(path) for path in sorted(record.folder.rglob("*")) if path.is_file()]
    facts = {key: value for key, value in record.facts.items() if not isinstance(value, dict | list)}
    document = {
        "run_id": record.run_id,
        **record.facts,
        "results": [result.document() | {"compiled_sql": None} for result in results],
        "artifacts": artifacts,
    }
    columns = ["status", "seconds", "failures", "node"]
    app.console.result(
        document,
        table(["run", record.run_id], [[key, value] for key, value in facts.items()]),
        "",
        table(["step", "seconds"], list((record.facts.get("timings") or {}).items())),
        "",
        table(columns, [[r.status, r.seconds, r.failures, r.unique_id] for r in results]),
        "",
        *artifacts,
    )
