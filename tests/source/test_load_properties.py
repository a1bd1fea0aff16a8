"""Whatever the text: the fast way and the exact one agree, rows survive the way through CSV, lines are right."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dataops_cli.source import values
from dataops_cli.source.exact import find_faults
from dataops_cli.source.files import SourceFile
from dataops_cli.source.layouts import read_layout
from dataops_cli.source.load import _load
from dataops_cli.source.staging import Staging, create_table
from dataops_cli.source.tables import PERSON, PRODUCT, PRODUCT_CATEGORY, TABLES, Column, Table
from source.samples import csv_text, microsoft_bytes, row, write_csv

COLUMNS = {column.type: column for table in TABLES for column in table.columns}

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXT = st.text(CHARACTERS, min_size=1, max_size=20)
# Text near the values that are right.
NEARLY = st.one_of(
    st.from_regex(r"[+-]?[0-9]{0,12}(\.[0-9]{0,6}0{0,3})?", fullmatch=True),
    st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,8})?)?", fullmatch=True
    ),
    st.datetimes().map(str),
    st.integers(-(2**33), 2**33).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.uuids().map(str),
    TEXT,
)


@pytest.fixture(scope="module")
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
@settings(max_examples=40, deadline=None)
@given(text=NEARLY)
@example(text="2147483648")
@example(text="2013-02-29 00:00:00")
@example(text="2013-12-31T23:59:59.9990000")
@example(text="9999-12-31")
@example(text="0000-00-00")
@example(text="5\n")
@example(text="٣")
@example(text="+.5")
@example(text="922337203685477.5808")
def test_both_ways_agree(memory: duckdb.DuckDBPyConnection, column: Column, text: str) -> None:
    if not text:
        return
    query = f'SELECT {values.sql_value(column)} FROM (SELECT CAST($text AS VARCHAR) AS "{column.name}")'
    try:
        memory.execute(query, {"text": text}).fetchone()
        accepted = True
    except duckdb.InvalidInputException:
        accepted = False
    assert accepted == (values.problem(column, text) is None)


def strategy(column: Column) -> st.SearchStrategy[object]:
    """Values of the column's type; empty text is NULL, so it is none."""
    match column.base:
        case "int" | "smallint" | "tinyint":
            bits = {"int": 31, "smallint": 15, "tinyint": 8}[column.base]
            return st.integers(0 if bits == 8 else -(2**bits), 2**bits - 1)
        case "bit":
            return st.booleans()
        case "datetime":
            moments = st.datetimes(datetime(1753, 1, 1), datetime(9999, 12, 31))
            return moments.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
        case "uniqueidentifier":
            return st.uuids()
        case "nvarchar" | "nchar" | "varchar":
            (size,) = column.sizes
            # A character may be two UTF-16 units.
            return st.text(CHARACTERS, min_size=1, max_size=size // 2)
        case _:
            return st.decimals(-999_999, 999_999, places=column.sizes[1] if column.sizes else 4)


def rows_of(table: Table) -> st.SearchStrategy[list[dict[str, object]]]:
    fields = {
        column.name: st.none() | strategy(column) if column.nullable else strategy(column)
        for column in table.columns
    }
    key = table.primary_key[0]
    return st.lists(st.fixed_dictionaries(fields), max_size=5, unique_by=lambda line: line[key])


def as_text(value: object) -> str:
    return "" if value is None else str(int(value)) if isinstance(value, bool) else str(value)


@contextmanager
def scratch() -> Iterator[Staging]:
    with tempfile.TemporaryDirectory() as name, duckdb.connect() as connection:
        connection.execute('CREATE SCHEMA "Production"; CREATE SCHEMA "Person"')
        yield Staging(connection, Path(name))


@pytest.mark.parametrize("table", [PRODUCT, PERSON], ids=["product", "person"])
@settings(max_examples=25, deadline=None)
@given(data=st.data(), end=st.sampled_from(["\n", "\r\n"]), suffix=st.sampled_from([".csv", ".csv.gz"]))
def test_rows_survive_csv(table: Table, data: st.DataObject, end: str, suffix: str) -> None:
    lines = data.draw(rows_of(table))
    with scratch() as staging:
        text = csv_text(
            table, [{name: as_text(value) for name, value in line.items()} for line in lines], end
        )
        file = SourceFile(table, write_csv(staging.folder, table, text, suffix), has_header=True)
        layout, faults = read_layout(file, frozenset(), print)
        assert faults == []
        create_table(staging.connection, table)
        assert _load(staging, file, layout) == len(lines)
        staged = staging.connection.execute(f"SELECT * FROM {table.sql_name}").fetchall()
        assert staged == [tuple(line[name] for name in table.names) for line in lines]
        # The exact way finds nothing wrong either.
        assert find_faults(file, layout) == []


@settings(max_examples=40, deadline=None)
@given(
    names=st.lists(st.text('ab",\r\n;', min_size=1, max_size=8).filter(str.strip), min_size=1, max_size=5),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_faults_name_the_physical_line(names: list[str], end: str, encoding: str) -> None:
    """The last of a few rows has a fault behind a name with line ends."""
    lines = [
        row(PRODUCT_CATEGORY, ProductCategoryID=str(index), Name=name) for index, name in enumerate(names)
    ]
    lines[-1]["ModifiedDate"] = "never"
    text = csv_text(PRODUCT_CATEGORY, lines, end)
    with tempfile.TemporaryDirectory() as name:
        path = write_csv(Path(name), PRODUCT_CATEGORY, text.encode(encoding))
        file = SourceFile(PRODUCT_CATEGORY, path, has_header=True)
        (fault,) = find_faults(file, read_layout(file, frozenset(), print)[0])
    assert (fault.column, fault.line) == ("ModifiedDate", text[: text.index("never")].count("\n") + 1)


@settings(max_examples=40, deadline=None)
@given(
    xml=st.text('<a> "é,\r\n\t+|&', max_size=20).filter(lambda text: "+|" not in text and "&|" not in text),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-16-be"]),
)
def test_microsofts_fields_survive(xml: str, encoding: str) -> None:
    lines = [
        row(PERSON, BusinessEntityID=str(key), Demographics=f"<{xml}>", LastName="Zoë") for key in (1, 2)
    ]
    lines[1]["EmailPromotion"] = "no"
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "Person.csv"
        data = microsoft_bytes(PERSON, lines, marked=True, encoding=encoding)
        path.write_bytes(data)
        file = SourceFile(PERSON, path, has_header=False)
        (fault,) = find_faults(file, read_layout(file, frozenset(), print)[0])
    text = data.decode(encoding)
    assert (fault.column, fault.line) == ("EmailPromotion", text[: text.index("+|no+|")].count("\n") + 1)
