"""`dataops docs`: dbt's documentation site, from the last run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command

app = typer.Typer(
    add_completion=False, help="Build or serve the documentation with its lineage.", no_args_is_help=True
)


@command(app)
def build(app: Application) -> None:
    """Build the documentation site of the last run into .dataops/<env>/docs."""
    site, run_id = _build(app)
    where = app.project.relative(site)
    app.console.result({"site": where, "run_id": run_id}, f"{where}/index.html documents run {run_id}.")


@command(app)
def serve(
    app: Application,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 8081,
) -> None:
    """Serve the documentation site on 127.0.0.1 until Ctrl-C."""
    from dataops_cli.dbt.site import server

    site, run_id = _build(app)
    with server(site, port) as httpd:
        url = f"http://127.0.0.1:{httpd.server_port}/"
        app.console.record(
            {"url": url, "run_id": run_id}, f"{url} documents run {run_id}; Ctrl-C stops the server."
        )
        try:
            httpd.serve_forever()
        except KeyboardInterrupt:
            app.console.progress("Stopped.")


def _build(app: Application) -> tuple[Path, str]:
    from dataops_cli.dbt.site import build_site
    from dataops_cli.errors import DataopsError, ExitCode
    from dataops_cli.pipeline.history import History

    home = app.project.state(app.environment.name)
    for record in History(home).runs():
        if (record.folder / "catalog.json").exists():
            build_site(record.folder, home / "docs")
            return home / "docs", record.run_id
    raise DataopsError(
        "No run has written documentation yet",
        hint=f"Make one with: {app.hint('run')}",
        exit_code=ExitCode.UNAVAILABLE,
    )
