"""Two routes of rows into SQL Server, in one run: mssql-python's bulk copy, which `dataops source load` takes,
and pyodbc's `fast_executemany` with typed parameters, in transactions of as many rows.

The rows are generated ones of the two largest tables. The server is the one of DATAOPS_TEST_SQLSERVER, else the
tests' stand-in, whose own work is in both times.

    python benchmarks/load.py [--rounds 3] [--scale 1]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import mssql_python
import pyodbc

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from dataops_cli.source.generate import generate
from dataops_cli.source.sqlserver import create_table
from dataops_cli.source.tables import SALES_ORDER_DETAIL, SALES_ORDER_HEADER, Column, Table
from dataops_cli.warehouse.sqlserver.bulk_copy import BATCH, TIMEOUT
from dataops_cli.warehouse.sqlserver.driver import find_driver

ADDRESS = "DATAOPS_TEST_SQLSERVER"
# ODBC's type, size and decimals by T-SQL's base type. Source: Microsoft, "ODBC data types"; sql.h for the numbers.
ODBC_TYPES = {
    "int": (4, 10, 0),
    "smallint": (5, 5, 0),
    "tinyint": (-6, 3, 0),
    "bit": (-7, 1, 0),
    "money": (3, 19, 4),
    "datetime": (93, 23, 3),
    "uniqueidentifier": (-11, 16, 0),
}


@contextmanager
def address() -> Iterator[str]:
    if text := os.environ.get(ADDRESS):
        yield text
        return
    from tsql_server import running

    with running() as server:
        yield f"Server={server.host},{server.port};UID={server.user};PWD={server.password};TrustServerCertificate=yes"


def aside(table: Table) -> str:
    return f"[{table.schema}].[{table.name}__loading]"


def odbc_type(column: Column) -> tuple[int, int, int]:
    if column.is_text:
        return (-9, column.sizes[0], 0)
    if column.base == "numeric":
        precision, scale = column.sizes
        return (3, precision, scale)
    return ODBC_TYPES[column.base]


def by_bulk_copy(server: str, table: Table, rows: list[tuple[Any, ...]]) -> None:
    with mssql_python.connect(server, autocommit=True) as connection:
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            connection.cursor().bulkcopy(aside(table), batch, BATCH, timeout=TIMEOUT, table_lock=True)


def by_executemany(server: str, table: Table, rows: list[tuple[Any, ...]]) -> None:
    connection = pyodbc.connect(f"DRIVER={find_driver().name};{server}", autocommit=False)
    cursor = connection.cursor()
    cursor.fast_executemany = True
    statement = f"INSERT INTO {aside(table)} VALUES ({', '.join('?' * len(table.columns))})"
    for start in range(0, len(rows), BATCH):
        cursor.setinputsizes([odbc_type(column) for column in table.columns])
        cursor.executemany(statement, rows[start : start + BATCH])
        connection.commit()
    connection.close()


def compare(server: str, rounds: int, scale: float) -> None:
    setup = pyodbc.connect(f"DRIVER={find_driver().name};{server}", autocommit=True)
    mssql_python.pooling(enabled=False)
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder) / "staged.duckdb"
        generate(staged, scale, 1, lambda _line: None)
        source = duckdb.connect(str(staged), read_only=True)
        for table in (SALES_ORDER_HEADER, SALES_ORDER_DETAIL):
            names = ", ".join(f'"{name}"' for name in table.names)
            key = ", ".join(f'"{name}"' for name in table.primary_key)
            rows = source.execute(f"SELECT {names} FROM {table.sql_name} ORDER BY {key}").fetchall()
            seconds: dict[str, list[float]] = {"bulk copy": [], "fast_executemany": []}
            for _ in range(rounds):
                for name, route in (("bulk copy", by_bulk_copy), ("fast_executemany", by_executemany)):
                    setup.execute(
                        f"IF SCHEMA_ID(N'{table.schema}') IS NULL EXEC(N'CREATE SCHEMA [{table.schema}]')"
                    )
                    setup.execute(f"DROP TABLE IF EXISTS {aside(table)}")
                    setup.execute(create_table(table))
                    started = time.perf_counter()
                    route(server, table, rows)
                    seconds[name].append(time.perf_counter() - started)
                    (there,) = setup.execute(f"SELECT count(*) FROM {aside(table)}").fetchone()
                    assert there == len(rows), f"{name} sent {there} of {len(rows)} rows"
            setup.execute(f"DROP TABLE IF EXISTS {aside(table)}")
            bulk, many = (statistics.median(values) for values in seconds.values())
            print(
                f"{table.full_name}, {len(rows):,} rows: bulk copy {bulk:.2f} s, fast_executemany {many:.2f} s, "
                f"ratio {bulk / many:.2f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1)
    options = parser.parse_args()
    with address() as server:
        compare(server, options.rounds, options.scale)


if __name__ == "__main__":
    main()
