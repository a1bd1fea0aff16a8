"""Small source folders for the tests: right in every table, to be broken in one place."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

from dataops_cli.source.tables import TABLES, Table

GUID = "694215B7-08F7-4C0D-ACB1-D734BA44C0C8"

# A value of each type that is right, as text.
_RIGHT = {
    "int": "7",
    "smallint": "3",
    "tinyint": "5",
    "bit": "1",
    "money": "12.5000",
    "numeric": "12.500000",
    "decimal": "1.25",
    "datetime": "2013-07-31 00:00:00",
    "uniqueidentifier": GUID,
    "nvarchar": "text",
    "nchar": "M ",
    "varchar": "code",
    "xml": "<a>\n  <b/>\n</a>",
}

Row = dict[str, str]


def row(table: Table, **values: str) -> Row:
    """A right row of the table, XML columns included, with some values of its own."""
    return {column.name: _RIGHT[column.base] for column in table.file_columns} | values


def rows(table: Table, count: int = 3) -> list[Row]:
    """Right rows with the keys 1, 2, 3 …"""
    return [row(table, **dict.fromkeys(table.primary_key, str(key))) for key in range(1, count + 1)]


def csv_text(
    table: Table, lines: Sequence[Mapping[str, str]], end: str = "\n", columns: Sequence[str] = ()
) -> str:
    names = list(columns or table.names)
    body = [",".join(quoted(line[name]) for name in names) for line in lines]
    return end.join([",".join(names), *body, ""])


def quoted(text: str) -> str:
    """The field as RFC 4180 has it."""
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text


def write_csv(folder: Path, table: Table, text: str | bytes, suffix: str = ".csv") -> Path:
    path = folder / f"{table.full_name}{suffix}"
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)
    return path


def write_folder(folder: Path) -> Path:
    """A right CSV file for each table."""
    folder.mkdir(exist_ok=True)
    for table in TABLES:
        write_csv(folder, table, csv_text(table, rows(table)))
    return folder


def microsoft_bytes(
    table: Table,
    lines: Sequence[Mapping[str, str]],
    *,
    marked: bool = False,
    encoding: str = "utf-8",
    end: str = "\r\n",
) -> bytes:
    """The table as in Microsoft's own files: tabs, or `+|` and `&|`."""
    separator, row_end = ("+|", "&|") if marked else ("\t", "")
    names = [column.name for column in table.file_columns]
    text = "".join(separator.join(line[name] for name in names) + row_end + end for line in lines)
    return text.encode(encoding)
