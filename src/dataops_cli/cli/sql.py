"""`dataops sql`: query what is published."""

from __future__ import annotations

import sys
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataops_cli.cli.application import Application, command

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dataops_cli.console import Console

app = typer.Typer(add_completion=False)

PROMPT, CONTINUED = "sql> ", "...> "
# A table's columns are as wide as their widest cell, so all of its rows must be in memory, styled.
TABLE_LIMIT = 10_000
BATCH = 10_000
LIST_TABLES = 'List what there is with: dataops sql "select schema, name from (show all tables)"'


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
) -> None:
    """Query the warehouse.

    Read-only; prints a table, CSV or JSON."""
    from dataops_cli.errors import DataopsError, ExitCode, UsageError
    from dataops_cli.settings.model import Engine
    from dataops_cli.warehouse.embedded import EmbeddedWarehouse

    if csv and app.as_json:
        raise UsageError("--csv and --json exclude each other", hint="Choose one of them.")
    if not csv and not app.as_json and not 0 < limit <= TABLE_LIMIT:
        raise UsageError(
            f"A table has at most {TABLE_LIMIT:,} rows",
            hint="Ask for more with --csv or --json, such as: --limit 0 --csv",
        )
    if app.environment.settings.warehouse.engine is not Engine.DUCKDB:
        raise DataopsError(
            f"Environment {app.environment.name} has its warehouse in SQL Server, which this version cannot query",
            hint="Query the embedded one with: dataops sql --env local",
            exit_code=ExitCode.UNAVAILABLE,
        )
    with EmbeddedWarehouse(app.project.state(app.environment.name)).connect() as connection:
        # Read-only goes for files, too: no COPY … TO.
        connection.execute("set enable_external_access = false")
        if query is not None:
            _answer(connection, query, limit or None, csv, app.console)
        elif not sys.stdin.isatty():
            _answer(connection, sys.stdin.read(), limit or None, csv, app.console)
        else:
            _prompt(connection, limit or None, csv, app.console)


def _answer(
    connection: DuckDBPyConnection, text: str, limit: int | None, csv: bool, console: Console
) -> None:
    """Run the statements of a text, one result each."""
    import duckdb

    from dataops_cli.errors import DataopsError, UsageError

    try:
        statements = connection.extract_statements(text)
        if not statements:
            raise UsageError("There is no statement to run", hint='Write one: dataops sql "select 1"')
        if len(statements) > 1 and console.as_json:
            raise UsageError(
                f"--json gives one document, and these are {len(statements)} statements",
                hint="Run them one by one.",
            )
        for statement in statements:
            _show(connection.execute(statement), limit, csv, console)
    except duckdb.Error as error:
        lines = str(error).splitlines()
        raise DataopsError(
            lines[0], details=tuple(line for line in lines[1:] if line.strip()), hint=LIST_TABLES
        ) from error


def _show(cursor: DuckDBPyConnection, limit: int | None, csv: bool, console: Console) -> None:
    from dataops_cli.console import table
    from dataops_cli.errors import UsageError

    columns = tuple(column[0] for column in cursor.description or ())
    if csv:
        more = _write_csv(cursor, columns, limit, console)
    else:
        rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit + 1)
        more = limit is not None and len(rows) > limit
        rows = rows[:limit]
        twice = [column for index, column in enumerate(columns) if column in columns[:index]]
        if twice and console.as_json:
            raise UsageError(f"Two columns are named {twice[0]}", hint="Name them apart with AS.")
        documents = [
            {name: _json_value(value) for name, value in zip(columns, row, strict=True)} for row in rows
        ]
        empty = [] if rows else ["(no rows)"]
        console.result(documents, table(columns, rows, null="NULL"), *empty)
    if more:
        console.progress(f"… more rows: the first {limit} are shown, --limit shows more")


def _write_csv(
    cursor: DuckDBPyConnection, columns: tuple[str, ...], limit: int | None, console: Console
) -> bool:
    """Write the rows as they come, so that their number does not matter. Returns whether there were more."""
    import csv
    import io

    left = limit
    rows: list[tuple[Any, ...]] = [columns]
    while rows:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        console.text(text.getvalue())
        if left == 0:
            return bool(cursor.fetchmany(1))
        rows = cursor.fetchmany(BATCH if left is None else min(BATCH, left))
        left = None if left is None else left - len(rows)
    return False


def _json_value(value: Any) -> Any:
    """JSON has no NaN and no infinity: they are written as null."""
    return None if isinstance(value, float) and not isfinite(value) else value


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
