"""`dataops dbt …`: any dbt command with the environment's settings."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command, command_line

app = typer.Typer(add_completion=False)

# dbt's commands that read no database, and those that say themselves what is wrong with it.
FILES_ALONE = frozenset({"clean", "debug", "deps", "init", "list", "ls", "parse"})


@command(
    app,
    "dbt",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
def dbt(
    app: Application,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="DBT_COMMAND [ARGS]...", help="What dbt gets.")
    ] = None,
) -> None:
    """Run any dbt command with the environment's settings.

    Global options come before dbt's command. It works on a scratch copy of the warehouse: only
    `dataops run` publishes.
    """
    from dataops_cli.cli.delegation import delegate_dbt
    from dataops_cli.errors import ExitCode, UsageError

    if app.as_json:
        raise UsageError(
            "dbt writes its own output, so --json says nothing to it",
            hint="Ask dbt for JSON: dataops dbt --log-format json …, or dataops dbt ls --output json",
        )
    delegate_dbt(app, arguments or ())
    from dataops_cli.pipeline.scratch import scratch_session

    connects = arguments is not None and arguments[0] not in FILES_ALONE
    with (
        scratch_session(app.project, app.environment, command_line(), connects=connects) as session,
        _quiet_when_nobody_reads(),
    ):
        ok = session.passthrough(arguments or ["--help"])
    if not ok:
        raise typer.Exit(ExitCode.FAILED)


@contextmanager
def _quiet_when_nobody_reads() -> Iterator[None]:
    """A reader that has seen enough (`head`) is none of dbt's errors. Raises BrokenPipeError when dbt has ended."""
    logging.raiseExceptions = False  # else each line that dbt logs would be a traceback
    yield
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise BrokenPipeError from None  # with its number, the parser would exit with 1 for it
