"""`dataops airflow health|import-errors|users|open`: Airflow itself."""

from __future__ import annotations

import sys

import typer

from dataops_cli.cli.airflow_options import connect
from dataops_cli.cli.application import Application, command

app = typer.Typer(add_completion=False)


@command(app)
def health(app: Application) -> None:
    """Show how Airflow's parts are; exit 1 where one is ill."""
    from rich.text import Text

    from dataops_cli.cli.airflow_workers import QUEUE, without_worker, worker_health
    from dataops_cli.console import table
    from dataops_cli.errors import ExitCode

    api = connect(app)
    parts, version = api.health(), api.version()
    if worker := worker_health(app):
        parts.append(worker)
    ill = [part for part in parts if part.ill]
    rows = [
        [
            part.part,
            Text(
                part.status or ("missing" if part.ill else "not used"),
                "green" if part.status == "healthy" else "red" if part.ill else "dim",
            ),
            part.heartbeat and part.heartbeat.isoformat(timespec="seconds"),
        ]
        for part in parts
    ]
    app.console.result(
        {
            "url": api.place.url,
            "version": version,
            "healthy": not ill,
            "parts": [vars(part) for part in parts],
        },
        f"Airflow {version} at {api.place.url}",
        "",
        table(["part", "status", "heartbeat"], rows),
    )
    if ill:
        names = ", ".join(part.part for part in ill)
        of_worker = without_worker(app, [QUEUE]) if [part.part for part in ill] == ["worker"] else None
        app.console.warn(
            f"Not healthy: {names}", of_worker[1] if of_worker else "See the containers: dataops ps"
        )
        raise typer.Exit(ExitCode.FAILED)


@command(app, "import-errors")
def import_errors(app: Application) -> None:
    """List the files of DAGs that cannot be read, with the traceback; exit 1 where there is one."""
    from rich.text import Text

    from dataops_cli.errors import ExitCode

    found = connect(app).import_errors()
    lines = []
    for error in found:
        lines.append(
            Text.assemble(
                (error.file, "bold red"), f" ({error.time:%Y-%m-%d %H:%M:%S})" if error.time else ""
            )
        )
        lines += [Text(f"  {line}") for line in error.trace.rstrip().splitlines()]
    app.console.result(
        [vars(error) for error in found], *(lines or [Text("Every file of DAGs can be read.")])
    )
    if found:
        raise typer.Exit(ExitCode.FAILED)


@command(app)
def users(app: Application) -> None:
    """List who may sign in to Airflow, with their roles."""
    from dataops_cli.console import table

    found = connect(app).users()
    rows = [
        [
            user.name,
            ", ".join(user.roles),
            user.active,
            user.email,
            user.last_login and user.last_login.isoformat(timespec="minutes"),
        ]
        for user in found
    ]
    app.console.result(
        [vars(user) for user in found], table(["user", "roles", "active", "email", "last_login"], rows)
    )


@command(app, "open")
def open_(app: Application) -> None:
    """Print the address of Airflow's pages, and open it in the browser when on a terminal."""
    from dataops_cli.airflow.place import url_of

    url = url_of(app.environment)
    user = app.environment.settings.airflow.user
    app.console.result({"url": url, "user": user}, f"{url} (sign in as {user})")
    if sys.stdout.isatty() and not app.as_json:
        typer.launch(url)
