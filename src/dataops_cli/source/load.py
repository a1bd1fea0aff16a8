"""Load the seven tables from a folder of files into one new DuckDB file.

DuckDB reads the files, checking each value on the way. Where it objects, the exact reader says what is wrong and
where, or, if nothing is, rewrites the file plainly. Microsoft's own files are always rewritten first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dataops_cli.errors import DataopsError
from dataops_cli.source import values
from dataops_cli.source.decoding import check_compression, encoding_of
from dataops_cli.source.exact import find_duplicates, find_faults, rewrite
from dataops_cli.source.faults import MAX_FAULTS, Fault, FaultyFileError, broken_data
from dataops_cli.source.files import SourceFile, find_files
from dataops_cli.source.layouts import Layout, read_layout
from dataops_cli.source.staging import Staging, create_table, staged_database
from dataops_cli.source.totals import StagedSource, count

if TYPE_CHECKING:
    from dataops_cli.warehouse.embedded_calls import InterruptibleConnection


def stage_files(
    directory: Path,
    target: Path,
    required: Mapping[str, frozenset[str]],
    on_progress: Callable[[str], None],
) -> StagedSource:
    """Load the files of `directory` into a new DuckDB file at `target`, and count it.

    `required` names the columns that must be there, by table (`Sales.Customer`): what `declared_columns` reads from
    the dbt sources. Other known columns are NULL where the file lacks them. `on_progress` gets a line per table.

    Raises UsageError (exit 2) where the folder is not right, DataopsError with exit 1 where the data is not, and
    with exit 3 where something cannot be read or written. Then, and after an interrupt, `target` is gone.
    """
    files = find_files(directory)
    layouts = _layouts(files, required, on_progress)
    with staged_database(target) as staging:
        for file, layout in zip(files, layouts, strict=True):
            create_table(staging.connection, file.table)
            try:
                rows = _load(staging, file, layout)
            except FaultyFileError as error:
                raise broken_data(find_faults(file, layout) or [error.fault]) from None
            on_progress(f"{file.table.full_name}: {rows:,} rows from {file.name}")
        return count(staging.connection)


def _layouts(
    files: list[SourceFile], required: Mapping[str, frozenset[str]], on_progress: Callable[[str], None]
) -> list[Layout]:
    """Read all headers first: a missing column is said before the large files are read."""
    layouts: list[Layout] = []
    faults: list[Fault] = []
    for file in files:
        try:
            layout, wrong = read_layout(file, required.get(file.table.full_name, frozenset()), on_progress)
        except FaultyFileError as error:
            faults.append(error.fault)
            continue
        layouts.append(layout)
        faults.extend(wrong)
    if faults:
        raise broken_data(faults[:MAX_FAULTS])
    return layouts


def _load(staging: Staging, file: SourceFile, layout: Layout) -> int:
    """Load one file into its table and check its key. Returns the number of rows."""
    import duckdb

    check_compression(file)
    try:
        if not file.has_header or encoding_of(file) != "utf-8":
            rows = _rewrite_and_insert(staging, file, layout)
        else:
            rows = _insert(staging.connection, file, layout, file.path)
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        faults = find_faults(file, layout)
        if faults:
            raise broken_data(faults) from None
        rows = _retry(staging, file, layout)
    _check_key(staging.connection, file, layout)
    return rows


def _retry(staging: Staging, file: SourceFile, layout: Layout) -> int:
    """DuckDB is stricter than the format, with mixed line ends for one: rewritten plainly, the file will do."""
    import duckdb

    try:
        return _rewrite_and_insert(staging, file, layout)
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        # DuckDB's message may quote the row, and with it a person's name.
        raise DataopsError(
            f"{file.name} cannot be read", hint="Export the table again as plain CSV, and load the new file."
        ) from None


def _rewrite_and_insert(staging: Staging, file: SourceFile, layout: Layout) -> int:
    plain = staging.folder / f"{file.table.full_name}.csv"
    try:
        rewrite(file, layout, plain)
        return _insert(staging.connection, file, Layout(layout.staged), plain)
    finally:
        plain.unlink(missing_ok=True)


def _insert(connection: InterruptibleConnection, file: SourceFile, layout: Layout, path: Path) -> int:
    """Insert the CSV file at `path`. A field is read as text, and fails the query where it is no value of its type."""
    # Names come from the table or are made here; the header's own names appear nowhere.
    names = [column.name if column else f"unused {index}" for index, column in enumerate(layout.columns)]
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    present = {column.name for column in layout.staged}
    selected = ", ".join(
        values.sql_value(column) if column.name in present else "NULL" for column in file.table.columns
    )
    result = connection.execute(
        f"""
        INSERT INTO {file.table.sql_name}
        SELECT {selected}
        FROM read_csv($path, columns = {{{columns}}}, auto_detect = false, header = true, strict_mode = true,
            delim = ',', quote = '"', escape = '"', nullstr = '', compression = $compression)
        """,  # noqa: S608
        {"path": str(path), "compression": "gzip" if path.suffix == ".gz" else "none"},
    ).fetchone()
    return int(result[0]) if result else 0


def _check_key(connection: InterruptibleConnection, file: SourceFile, layout: Layout) -> None:
    key = ", ".join(f'"{name}"' for name in file.table.primary_key)
    twice = connection.execute(
        f"SELECT {key} FROM {file.table.sql_name} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT {MAX_FAULTS}"  # noqa: S608
    ).fetchall()
    if twice:
        raise broken_data(find_duplicates(file, layout, {tuple(row) for row in twice}))
