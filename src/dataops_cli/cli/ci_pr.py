"""`dataops ci pr`: whether a pull request is as the repository wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command

app = typer.Typer(add_completion=False)


@command(app)
def pr(
    app: Application,
    event: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="GitHub's event of the pull request (default: variable GITHUB_EVENT_PATH)."
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A title to try, in place of the event's.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(metavar="BRANCH", help="The branch it goes to (default: the event's, else main)."),
    ] = None,
) -> None:
    """Check a pull request's title, description, file sizes, conflicts and protected paths; name its labels, by its paths.

    What is asked is in .github/dataops-ci.toml. Exit code 1 where anything speaks against merging.
    """
    import json
    from functools import partial

    from dataops_cli.checks import Look, Result, side_by_side
    from dataops_cli.ci.actions import add_summary, annotate, write_output
    from dataops_cli.ci.config import read_config
    from dataops_cli.ci.pr.check import Change
    from dataops_cli.ci.pr.checks import CHECKS
    from dataops_cli.ci.pr.labels import labels_of
    from dataops_cli.ci.pr.report import annotations_of, document, rendered, summary
    from dataops_cli.ci.pull_request import pull_request
    from dataops_cli.ci.repository import Repository
    from dataops_cli.errors import ExitCode

    repository = Repository(app.project.root)
    change = Change(pull_request(event, title=title, base=base), repository, read_config(repository.top))
    labels = labels_of(change)
    findings = side_by_side(
        {check.name: Look(partial(check.look, change), deadline=60.0) for check in CHECKS}
    )
    write_output("labels", json.dumps(labels))
    for annotation in annotations_of(findings):
        annotate(annotation)
    add_summary(summary(findings, labels))
    app.console.result(document(findings, labels), *rendered(findings, labels))
    if any(item.result is Result.FAIL for item in findings.values()):
        raise typer.Exit(ExitCode.FAILED)
