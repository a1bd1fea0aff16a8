"""`dataops sql`: query what is published."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from dataops_cli.cli.application import Application, command

if TYPE_CHECKING:
    from dataops_cli.console import Console
    from dataops_cli.warehouse.query import Session

app = typer.Typer(add_completion=False)

PROMPT, CONTINUED = "sql> ", "...> "
# A table's columns are as wide as their widest cell, so all of its rows must be in memory, styled.
TABLE_LIMIT = 10_000


@command(app, "sql")
def sql(
    app: Application,
    query: Annotated[
        str | None, typer.Argument(help="The statement; without one, a prompt, or statements from a pipe.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, help="Rows shown at most; 0 for all (with --csv or --json).")
    ] = 100,
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
    write: Annotated[
        bool,
        typer.Option(
            "--write", help="On SQL Server: as the building login, and what is written stays written."
        ),
    ] = False,
) -> None:
    """Query the warehouse.

    Read-only unless --write; prints a table, CSV or JSON."""
    from dataops_cli.cli.delegation import delegate
    from dataops_cli.errors import UsageError
    from dataops_cli.settings.model import Engine
    from dataops_cli.warehouse.query import open_session

    if csv and app.as_json:
        raise UsageError("--csv and --json exclude each other", hint="Choose one of them.")
    if not csv and not app.as_json and not 0 < limit <= TABLE_LIMIT:
        raise UsageError(
            f"A table has at most {TABLE_LIMIT:,} rows",
            hint="Ask for more with --csv or --json, such as: --limit 0 --csv",
        )
    if app.environment.settings.warehouse.engine is Engine.DUCKDB:
        delegate(app)  # the file is where dbt runs
    home, console = app.project.state(app.environment.name), app.console
    with open_session(app.environment.settings, home, write=write, say=console.progress) as session:

        def answer(text: str) -> None:
            _answer(session, text, limit or None, csv, console, writes=write)

        if query is None and sys.stdin.isatty():
            _prompt(session, answer, console)
        else:
            answer(sys.stdin.read() if query is None else query)


def _answer(
    session: Session, text: str, limit: int | None, csv: bool, console: Console, *, writes: bool
) -> None:
    """Run the statements of a text."""
    from dataops_cli.cli.sql_output import SEVERAL, show
    from dataops_cli.errors import UsageError

    if console.as_json and session.has_several_results(text):
        raise UsageError(SEVERAL, hint="Nothing has been run: run the statements one by one.")
    with closing(session.answers(text)) as answers:
        show(answers, limit, csv, console, writes=writes)


def _prompt(session: Session, answer: Callable[[str], None], console: Console) -> None:
    """Read statements and answer them up to their end until the end of input. Raises DataopsError where the session is lost."""
    import readline  # noqa: F401 (gives input() line editing and history)

    from dataops_cli.errors import DataopsError, ExitCode
    from dataops_cli.interrupts import Terminated

    console.progress("Statements end with a semicolon; Ctrl-D leaves.")
    statement = ""
    while True:
        try:
            line = input(CONTINUED if statement else PROMPT)
        except EOFError:
            console.progress("")
            return
        except Terminated:
            raise
        except KeyboardInterrupt:
            statement = ""
            console.progress("")
            continue
        if not statement and line.strip().lower() in ("exit", "quit", "\\q"):
            return
        statement += line + "\n"
        if not session.is_complete(statement):
            continue
        try:
            answer(statement)
        except DataopsError as error:
            if error.exit_code in (ExitCode.UNAVAILABLE, ExitCode.INTERRUPTED):
                raise
            console.error(error)
        statement = ""
