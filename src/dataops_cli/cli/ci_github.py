"""`dataops ci comment` and `dataops ci label`: what the workflows write on a pull request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from dataops_cli.cli.application import Application, command

if TYPE_CHECKING:
    from collections.abc import Callable

    from dataops_cli.ci.github_api import GitHub

app = typer.Typer(add_completion=False)

Done = TypeVar("Done")

Number = Annotated[
    int | None,
    typer.Option(
        "--pull-request", metavar="N", min=1, help="Its number (default: the event's pull request)."
    ),
]


@command(app)
def comment(
    app: Application,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The Markdown, as `ci dbt --comment` wrote it.")
    ],
    number: Number = None,
) -> None:
    """Make or update the one comment of the checks on a pull request.

    GITHUB_TOKEN may write comments (`permissions: pull-requests: write`); GITHUB_REPOSITORY and GITHUB_API_URL say
    where. Of a fork's pull request the token is read-only: that is a warning, and no failure.
    """
    from dataops_cli.ci.comment import marked, put_comment
    from dataops_cli.errors import UsageError

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file} cannot be read: {error}", hint="Write it first: dataops ci dbt --comment FILE"
        ) from None
    github = _github(app, number)
    address = _written(app, "comment", lambda: put_comment(github, marked(text)))
    said = [f"The comment is at {address}"] if address else []
    app.console.result({"comment": address, "pull_request": github.number}, *said)


@command(app)
def label(
    app: Application,
    labels: Annotated[
        str, typer.Argument(metavar="JSON", help="A list of names, as `ci pr` gives it as output `labels`.")
    ],
    number: Number = None,
) -> None:
    """Give a pull request labels; those that it has stay. Those that only people set are left out.

    GITHUB_TOKEN may write to it (`permissions: pull-requests: write`), as for `dataops ci comment`. Call it in a checkout
    of the target, whose pr.protected_label it is that only people set, besides labels with the word `breaking`.
    """
    from dataops_cli.ci.config import read_config
    from dataops_cli.ci.pr.labels import add_labels, is_for_people
    from dataops_cli.ci.repository import Repository
    from dataops_cli.console import visible

    asked = _names(labels)
    protected = read_config(Repository(app.project.root).top).pr.protected_label
    names = [name for name in asked if not is_for_people(name, protected)]
    if left_out := [name for name in asked if name not in names]:
        app.console.warn(f"Left out, since only people set them: {', '.join(map(visible, left_out))}")
    github = _github(app, number)

    def add() -> list[str]:
        if names:
            add_labels(github, names)
        return names

    added = _written(app, "label", add)
    said = (
        [f"Labels of pull request {github.number}: {visible(', '.join(added)) or 'none new'}"]
        if added is not None
        else []
    )
    app.console.result({"labels": added, "pull_request": github.number}, *said)


def _names(labels: str) -> list[str]:
    import json

    from dataops_cli.errors import UsageError

    try:
        names = json.loads(labels)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise UsageError(
            "The labels are no JSON list of names",
            hint="Give what `dataops ci pr` has as output `labels`, such as: dataops ci label '[\"dbt\"]'",
        )
    return names


def _github(app: Application, number: int | None) -> GitHub:
    """Of the workflow's pull request, or the one with this number. Raises UsageError where anything is missing."""
    import os
    import re

    from dataops_cli.ci.github_api import GitHub
    from dataops_cli.ci.pull_request import current_pull_request
    from dataops_cli.console import visible
    from dataops_cli.errors import UsageError

    def required(variable: str, example: str) -> str:
        value = os.environ.get(variable)
        if not value:
            raise UsageError(
                f"{variable} is not set", hint=f"Set it in the workflow's step: {variable}: {example}"
            )
        return value

    if number is None:
        pull_request = current_pull_request()
        number = pull_request.number if pull_request else None
    if number is None:
        raise UsageError(
            "There is no pull request to write to: this workflow runs for none",
            hint="Run it for pull_request events only, or name one: --pull-request N",
        )
    repository = required("GITHUB_REPOSITORY", "owner/name")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII):
        raise UsageError(
            f"GITHUB_REPOSITORY is {visible(repository)}, which is no repository",
            hint="Set it as GitHub does: owner/name",
        )
    return GitHub(
        api=os.environ.get("GITHUB_API_URL") or "https://api.github.com",
        repository=repository,
        number=number,
        token=required("GITHUB_TOKEN", "${{ github.token }}"),
        say=app.console.progress,
    )


def _written(app: Application, what: str, write: Callable[[], Done]) -> Done | None:
    """What `write` returns; None, with a warning, where the token may only read and cannot be given more."""
    import os

    from dataops_cli.ci.actions import Annotation, Level, annotate
    from dataops_cli.ci.github_api import ReadOnlyTokenError
    from dataops_cli.ci.pull_request import current_pull_request

    try:
        return write()
    except ReadOnlyTokenError as error:
        # GitHub gives these two a token that may only read, whatever the workflow asks for.
        pull_request = current_pull_request()
        is_of_fork = bool(pull_request and pull_request.is_from_fork)
        if not (is_of_fork or os.environ.get("GITHUB_ACTOR") == "dependabot[bot]"):
            raise
        hint = "What it would say is in the summary of the job before."
        told = f"No {what} is written, since the token of this pull request may only read"
        app.console.warn(f"{told}: {error.reason}", hint)
        annotate(Annotation(Level.WARNING, f"{told}. {hint}", title=f"dataops ci {what}"))
        return None
