"""`dataops sql`: query what is published."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataops_cli.cli.application import Application, command

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dataops_cli.console import Console

app = typer.Typer()

PROMPT, CONTINUED = "sql> ", "...> "


@command(app, "sql")
def sql(
    app: Application,
    query: Annotated[
        str | None, typer.Argument(help="The statement; without one, a prompt, or statements from a pipe.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows shown at most; 0 for all.")] = 100,
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
) -> None:
    """Query the warehouse.

    Read-only; prints a table, CSV or JSON."""
    from dataops_cli.errors import DataopsError, ExitCode, UsageError
    from dataops_cli.settings.model import Engine
    from dataops_cli.warehouse.embedded import EmbeddedWarehouse

    if csv and app.as_json:
        raise UsageError("--csv and --json exclude each other", hint="Choose one of them.")
    if app.environment.settings.warehouse.engine is not Engine.DUCKDB:
        raise DataopsError(
            f"Environment {app.environment.name} has its warehouse in SQL Server, which this version cannot query",
            hint="Query the embedded one with: dataops sql --env local",
            exit_code=ExitCode.UNAVAILABLE,
        )
    with EmbeddedWarehouse(app.project.state(app.environment.name)).connect() as connection:
        if query is not None:
            _answer(connection, query, limit or None, csv, app.console)
        elif not sys.stdin.isatty():
            _answer(connection, sys.stdin.read(), limit or None, csv, app.console)
        else:
            _prompt(connection, limit or None, csv, app.console)


def _answer(
    connection: DuckDBPyConnection, query: str, limit: int | None, csv: bool, console: Console
) -> None:
    import duckdb

    from dataops_cli.console import table
    from dataops_cli.errors import DataopsError, UsageError
    from dataops_cli.warehouse.embedded import fetch

    if not query.strip():
        raise UsageError("There is no statement to run", hint='Write one: dataops sql "select 1"')
    try:
        found = fetch(connection, query, limit)
    except duckdb.Error as error:
        lines = str(error).splitlines()
        raise DataopsError(
            lines[0],
            details=tuple(line for line in lines[1:] if line.strip()),
            hint='List what there is with: dataops sql "show all tables"',
        ) from error
    if csv:
        console.text(_csv(found.columns, found.rows))
    else:
        documents = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        console.result(documents, table(found.columns, found.rows))
    if found.more:
        console.progress(f"… more rows: the first {limit} are shown, --limit 0 shows all")


def _csv(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _prompt(connection: DuckDBPyConnection, limit: int | None, csv: bool, console: Console) -> None:
    """Read statements up to their semicolon until the end of input."""
    import readline  # noqa: F401 (gives input() line editing and history)

    from dataops_cli.errors import DataopsError

    console.progress("Statements end with a semicolon; Ctrl-D leaves.")
    statement = ""
    while True:
        try:
            line = input(CONTINUED if statement else PROMPT)
        except EOFError:
            console.progress("")
            return
        except KeyboardInterrupt:
            statement = ""
            console.progress("")
            continue
        if not statement and line.strip().lower() in ("exit", "quit", "\\q"):
            return
        statement += line + "\n"
        if not line.rstrip().endswith(";"):
            continue
        try:
            _answer(connection, statement, limit, csv, console)
        except DataopsError as error:
            console.error(error)
        statement = ""
