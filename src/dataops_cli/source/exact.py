"""The exact and slow reader: finds the faults of a file, or rewrites it in the one form DuckDB reads fast."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from dataops_cli.source import values
from dataops_cli.source.faults import MAX_FAULTS, Fault, FaultyFileError, shown
from dataops_cli.source.files import SourceFile
from dataops_cli.source.layouts import Layout
from dataops_cli.source.records import Record, records
from dataops_cli.source.tables import Column


def find_faults(file: SourceFile, layout: Layout) -> list[Fault]:
    """The first few faults, in file order; empty where the file is right."""
    faults: list[Fault] = []
    try:
        for record in _rows(file):
            fault = _width_fault(file, layout, record)
            faults.extend([fault] if fault else _field_faults(file, layout, record))
            if len(faults) >= MAX_FAULTS:
                return faults[:MAX_FAULTS]
    except FaultyFileError as error:
        faults.append(error.fault)
    return faults


def rewrite(file: SourceFile, layout: Layout, target: Path) -> None:
    """Write the staged columns as comma-separated UTF-8. Raises FaultyFileError where a row cannot be read."""
    kept = [index for index, column in enumerate(layout.columns) if column is not None]
    with target.open("w", encoding="utf-8", newline="") as stream:
        # Every field in quotes: the writer would leave a lone carriage return bare.
        writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow([column.name for column in layout.staged])
        for record in _rows(file):
            fault = _width_fault(file, layout, record)
            if fault:
                raise FaultyFileError(fault)
            writer.writerow([record.fields[index] for index in kept])


def find_duplicates(file: SourceFile, layout: Layout, keys: set[tuple[int, ...]]) -> list[Fault]:
    """Where the given key values stand a second time in a file whose values are all right."""
    names = file.table.primary_key
    at = [
        index
        for name in names
        for index, column in enumerate(layout.columns)
        if column and column.name == name
    ]
    first: dict[tuple[int, ...], int] = {}
    faults: list[Fault] = []
    for record in _rows(file):
        key = tuple(int(record.fields[index]) for index in at)
        if key not in keys:
            continue
        if key in first:
            said = ", ".join(f"{name} {value}" for name, value in zip(names, key, strict=True))
            problem = f"{said} is already in line {first[key]:,}"
            hint = f"{file.table.full_name} has one row for each {' and '.join(names)}: remove the other."
            faults.append(Fault(file.name, problem, hint, record.line_of(at[-1]), names[-1]))
            if len(faults) >= MAX_FAULTS:
                break
        first.setdefault(key, record.line_of(at[-1]))
    return faults


def _rows(file: SourceFile) -> Iterator[Record]:
    """The records after the header."""
    rows = records(file)
    if file.has_header:
        next(rows, None)
    return rows


def _width_fault(file: SourceFile, layout: Layout, record: Record) -> Fault | None:
    width, expected = len(record.fields), len(layout.columns)
    if width == expected or (file.has_header and width == expected + 1 and not record.fields[-1]):
        return None
    source = "the header has" if file.has_header else f"{file.table.full_name} has"
    hint = (
        "Put text with commas or line ends in double quotes."
        if file.has_header
        else "The file may be cut off or of another edition: get Microsoft's file again."
    )
    return Fault(file.name, f"{width} fields, {source} {expected}", hint, record.line)


def _field_faults(file: SourceFile, layout: Layout, record: Record) -> Iterator[Fault]:
    for index, (column, text) in enumerate(zip(layout.columns, record.fields, strict=False)):
        if column is None:
            continue
        said = _complaint(column, text)
        if said:
            problem, hint = said
            yield Fault(file.name, problem, hint, record.line_of(index), column.name)


def _complaint(column: Column, text: str) -> tuple[str, str] | None:
    """What is wrong with the field, and the remedy."""
    if not text:
        return (
            None
            if column.nullable
            else ("the value is missing (NULL)", "Give each row a value in this column.")
        )
    problem = values.problem(column, text)
    if problem is None:
        return None
    if column.is_text:
        return f"{shown(column, text)} {problem}", "Shorten the text: SQL Server's column holds no more."
    return f"{shown(column, text)} {problem}", f"Write {values.meaning(column)}."
