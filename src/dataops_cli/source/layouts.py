"""Which column each field of a file belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from dataops_cli.source.faults import Fault, FaultyFileError
from dataops_cli.source.files import SourceFile
from dataops_cli.source.records import records
from dataops_cli.source.tables import Column


@dataclass(frozen=True)
class Layout:
    """The columns in the order of the file's fields; None is a field that is not staged."""

    columns: tuple[Column | None, ...]

    @property
    def staged(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column is not None)


def read_layout(
    file: SourceFile, required: frozenset[str], on_progress: Callable[[str], None]
) -> tuple[Layout, list[Fault]]:
    """The layout of the file and what is wrong with its header.

    A known column that is not in the file is NULL, unless it is in `required` or in the key. An unknown one is
    reported and left out: no model reads it, and a misspelt name of one that is read is missing, which is a fault.
    Names are matched as SQL Server does, without regard to case.
    """
    if not file.has_header:
        # Reading one record finds out whether the form is one of Microsoft's.
        next(records(file), None)
        staged = (column if column.is_staged else None for column in file.table.file_columns)
        return Layout(tuple(staged)), []
    header = next(records(file), None)
    if header is None:
        fault = Fault(file.name, "the file has no header row", "Export the table again, with a header row.")
        raise FaultyFileError(fault)
    known = {column.name.lower(): column for column in file.table.file_columns}
    columns: list[Column | None] = []
    faults: list[Fault] = []
    seen: set[str] = set()
    for index, name in enumerate(header.fields):
        column = known.get(name.strip().lower())
        if column is None:
            on_progress(f"{file.name}: column {name.strip()!r} is not in {file.table.full_name}, left out")
        elif column.name in seen:
            hint = "Keep one of the two columns."
            fault = Fault(
                file.name, "the column is in the header twice", hint, header.line_of(index), column.name
            )
            faults.append(fault)
        else:
            seen.add(column.name)
        columns.append(column if column is not None and column.is_staged else None)
    missing = [
        name for name in file.table.names if name in required | {*file.table.primary_key} and name not in seen
    ]
    unknown = [name.strip() for name in header.fields if name.strip().lower() not in known]
    faults.extend(_missing(file, name, unknown, header.line) for name in missing)
    return Layout(tuple(columns)), faults


def _missing(file: SourceFile, name: str, unknown: list[str], line: int) -> Fault:
    by_lower = {candidate.lower(): candidate for candidate in unknown}
    close = get_close_matches(name.lower(), list(by_lower), n=1)
    hint = (
        f"Rename the column {by_lower[close[0]]!r} to {name}."
        if close
        else f"Export {file.table.full_name} with this column: the models read it."
    )
    return Fault(file.name, "the column is missing", hint, line, name)
