"""`dataops ci dbt`: whether a change of the dbt project is good."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command

app = typer.Typer(add_completion=False)

ENVIRONMENT = "ci"


@command(app)
def dbt(
    app: Application,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="REF", help="Compare with where the change left this (default: its target, or main)."
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Build and test everything, also what is as it was.")
    ] = False,
    allow_breaking: Annotated[
        bool, typer.Option("--allow-breaking", help="Gold may lose columns, or change their types.")
    ] = False,
    comment: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what was found as Markdown, for `dataops ci comment FILE`."),
    ] = None,
    artifacts: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for logs, manifests and SQL (default: .dataops/ci/checks/dbt)."
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would be built, and build nothing.")
    ] = False,
) -> None:
    """Compile the models for both engines, build and test what differs, compare gold with the base.

    Files are taken as git has them, with what is not committed yet. All is built on generated data in DuckDB, in a
    folder of its own. Exit 1 where something fails, or a gold column is removed or retyped and nothing says so.
    """
    from dataops_cli.ci.dbt_artifacts import claimed
    from dataops_cli.ci.dbt_base import find_head
    from dataops_cli.ci.dbt_check import Checking, CheckOptions
    from dataops_cli.ci.dbt_markdown import unfinished
    from dataops_cli.ci.pull_request import current_pull_request
    from dataops_cli.cli.ci_dbt_output import deliver, show_plan
    from dataops_cli.errors import ExitCode
    from dataops_cli.files import write_text

    options = CheckOptions(
        environment=app.env or os.environ.get("DATAOPS_ENV") or ENVIRONMENT,
        artifacts=(artifacts or app.project.state(ENVIRONMENT) / "checks" / "dbt").absolute(),
        base=base,
        full=full,
        allow_breaking=allow_breaking,
    )
    pull_request = current_pull_request()
    if plan:
        found = Checking(app.project, options, pull_request, app.console).plan()
        show_plan(app, found)
    else:
        with claimed(options.artifacts):
            if comment is not None:
                write_text(comment.absolute(), unfinished(find_head(app.project.root, pull_request)))
            found = Checking(app.project, options, pull_request, app.console).carry_out()
            deliver(app, found, comment)
    if not found.ok:
        raise typer.Exit(ExitCode.FAILED)
