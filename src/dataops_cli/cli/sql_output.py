"""Results of `dataops sql` as a table, as CSV or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING, Any

from dataops_cli.errors import UsageError

if TYPE_CHECKING:
    from dataops_cli.console import Console
    from dataops_cli.warehouse.query import Answer

# Rows that are fetched and written at once where their number is not limited.
BATCH = 10_000


SEVERAL = "--json gives one document, and there are several results"


def show(
    answers: Iterator[Answer], limit: int | None, csv: bool, console: Console, *, writes: bool = False
) -> None:
    """Each result, at most `limit` rows of it (None: all). Raises UsageError where `--json` cannot show them; what
    writes has been run to its end then."""
    if console.as_json:
        try:
            _show_json(answers, limit, console)
        except UsageError as error:
            if not writes:
                raise
            for _answer in answers:
                pass
            raise UsageError(
                error.reason,
                hint="All has been run, and what was written stays. For the rows, run the SELECTs alone.",
            ) from None
        return
    for answer in answers:
        more = _write_csv(answer, limit, console) if csv else _show_table(answer, limit, console)
        _say_more(more, limit, console)


def _show_table(answer: Answer, limit: int | None, console: Console) -> bool:
    from dataops_cli.console import table

    rows, more = _fetch(answer, limit)
    empty = [] if rows else ["(no rows)"]
    console.result(None, table(answer.columns, rows, null="NULL"), *empty)
    return more


def _show_json(answers: Iterator[Answer], limit: int | None, console: Console) -> None:
    """One document: the rows of the only result, none where the statements have no result."""
    document: list[dict[str, Any]] | None = None
    more = False
    for answer in answers:
        if document is not None:
            raise UsageError(SEVERAL, hint="Run the statements one by one.")
        columns = answer.columns
        twice = [column for index, column in enumerate(columns) if column in columns[:index]]
        if twice:
            raise UsageError(
                f"Two columns are named {twice[0]}" if twice[0] else "Two columns have no name",
                hint="Name them apart with AS.",
            )
        rows, more = _fetch(answer, limit)
        document = [
            {name: _json_value(value) for name, value in zip(columns, row, strict=True)} for row in rows
        ]
    console.result(document or [])
    _say_more(more, limit, console)


def _write_csv(answer: Answer, limit: int | None, console: Console) -> bool:
    """Write the rows as they come, so that their number does not matter. Returns whether there were more."""
    import csv
    import io

    from dataops_cli.console import shown
    from dataops_cli.streams import commands_are_read

    # So that no line begins as a command to GitHub's runner, such as an IPv6 address does, which would be broken.
    dialect = csv.unix_dialect if commands_are_read() else csv.excel
    left = limit
    rows: list[tuple[Any, ...]] = [answer.columns]
    while rows:
        text = io.StringIO()
        csv.writer(text, dialect, lineterminator="\n").writerows(
            ["" if value is None else shown(value) for value in row] for row in rows
        )
        console.text(text.getvalue())
        if left == 0:
            return bool(answer.fetch(1))
        rows = answer.fetch(BATCH if left is None else min(BATCH, left))
        left = None if left is None else left - len(rows)
    return False


def _fetch(answer: Answer, limit: int | None) -> tuple[list[tuple[Any, ...]], bool]:
    """The rows, and whether there are more."""
    rows = answer.fetch(None if limit is None else limit + 1)
    return (rows, False) if limit is None else (rows[:limit], len(rows) > limit)


def _say_more(more: bool, limit: int | None, console: Console) -> None:
    if more:
        console.progress(f"… more rows: the first {limit} are shown, --limit shows more")


def _json_value(value: Any) -> Any:
    """JSON has no NaN and no infinity: they are written as null."""
    return None if isinstance(value, float) and not isfinite(value) else value
