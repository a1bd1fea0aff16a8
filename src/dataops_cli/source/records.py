"""The records of a file, each with the physical line it begins in. Exact, in bounded memory, and not fast."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from dataops_cli.source.decoding import decoded_lines
from dataops_cli.source.faults import Fault, FaultyFileError
from dataops_cli.source.files import SourceFile

_FIELD_END = "+|"
_ROW_END = "&|"
# A row that has not ended after this many characters never will: its end mark is missing.
_LONGEST_ROW = 4_000_000
# How bcp writes text that is empty but not NULL; the source's convention is that empty is NULL.
_EMPTY = "\0"


@dataclass(frozen=True, slots=True)
class Record:
    line: int
    fields: list[str]

    def line_of(self, index: int) -> int:
        """The physical line in which the field of that index begins."""
        return self.line + sum(field.count("\n") for field in self.fields[:index])


def records(file: SourceFile) -> Iterator[Record]:
    """All records, the header too where the file has one. Raises FaultyFileError where reading cannot go on."""
    lines = decoded_lines(file)
    return _comma_records(file, lines) if file.has_header else _microsoft_records(file, lines)


def _comma_records(file: SourceFile, lines: Iterator[str]) -> Iterator[Record]:
    """RFC 4180: commas, double quotes, line ends within quotes. Blank lines are skipped."""
    reader = csv.reader(lines, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise FaultyFileError(_quoting_fault(file, line, str(error))) from None
        if fields is None:
            return
        if fields:
            yield Record(line, fields)


def _quoting_fault(file: SourceFile, line: int, message: str) -> Fault:
    if "new-line character" in message:
        problem = "a carriage return outside of quotes does not end a line"
        return Fault(
            file.name, problem, "Put text with line ends in double quotes, or end each line alike.", line
        )
    if "expected after" in message:
        problem = "text follows a closing quote; perhaps a quote before it was never closed"
    else:
        problem = "a quote is opened and not closed"
    return Fault(
        file.name, problem, 'Put text in double quotes, and write a quote within it twice: "a ""b"" c"', line
    )


def _microsoft_records(file: SourceFile, lines: Iterator[str]) -> Iterator[Record]:
    """Microsoft's own forms, told apart by the first line: `+|` and `&|`, or tabs."""
    first = next(lines, "")
    everything = chain([first], lines)
    if _FIELD_END in first:
        return _marked_records(file, everything)
    if "\t" in first:
        return _tabbed_records(everything)
    table = file.table
    if first.lower().startswith(table.columns[0].name.lower()):
        hint = f"Rename it, as a file with a header: {table.full_name}{''.join(file.path.suffixes)}"
        raise FaultyFileError(Fault(file.name, "this is a CSV file with a header", hint, 1))
    hint = "Use Microsoft's file of the AdventureWorks install script, or a CSV file with a header, " + (
        f"named {table.full_name}.csv"
    )
    raise FaultyFileError(Fault(file.name, "the fields are separated neither by tabs nor by +|", hint, 1))


def _tabbed_records(lines: Iterator[str]) -> Iterator[Record]:
    for number, line in enumerate(lines, start=1):
        text = line.removesuffix("\n").removesuffix("\r")
        if text:
            yield Record(number, _fields(text, "\t"))


def _marked_records(file: SourceFile, lines: Iterator[str]) -> Iterator[Record]:
    """Fields end with `+|`, rows with `&|` at a line's end; fields such as XML may hold line ends."""
    start = 1
    parts: list[str] = []
    length = 0
    for number, line in enumerate(lines, start=1):
        text = line.removesuffix("\n").removesuffix("\r")
        if not parts and not text:
            start = number + 1
        elif text.endswith(_ROW_END):
            yield Record(start, _fields("".join([*parts, text.removesuffix(_ROW_END)]), _FIELD_END))
            parts, length, start = [], 0, number + 1
        else:
            parts.append(line)
            length += len(line)
            if length > _LONGEST_ROW:
                break
    if parts:
        hint = "The file may be cut off or edited: get Microsoft's file again."
        raise FaultyFileError(
            Fault(file.name, f"the row that begins here has no {_ROW_END} at its end", hint, start)
        )


def _fields(text: str, separator: str) -> list[str]:
    return ["" if field == _EMPTY else field for field in text.split(separator)]
