"""How much a staged file holds: the figures by which a source is recognised."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from dataops_cli.source.tables import TABLES
from dataops_cli.warehouse.embedded_calls import InterruptibleConnection


@dataclass(frozen=True)
class TableCount:
    table: str
    rows: int


@dataclass(frozen=True)
class SourceTotals:
    """Sums are zero, not None, in a source without orders."""

    orders: int
    lines: int
    units: int
    line_total: Decimal
    subtotal: Decimal
    total_due: Decimal
    online_orders: int
    reseller_orders: int


@dataclass(frozen=True)
class StagedSource:
    """What a staged file holds, the tables in the order of TABLES."""

    tables: tuple[TableCount, ...]
    totals: SourceTotals


def totals(path: Path) -> StagedSource:
    """Count a staged file. It is opened read-only."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as connection:
        return count(InterruptibleConnection(connection))


def count(connection: InterruptibleConnection) -> StagedSource:
    """Count the staged tables of an open connection."""
    tables = tuple(
        TableCount(table.full_name, int(_row(connection, f"SELECT count(*) FROM {table.sql_name}")[0]))  # noqa: S608
        for table in TABLES
    )
    orders, subtotal, total_due, online, reseller = _row(
        connection,
        """
        SELECT count(*), coalesce(sum(SubTotal), 0), coalesce(sum(TotalDue), 0),
            count(*) FILTER (WHERE OnlineOrderFlag), count(*) FILTER (WHERE NOT OnlineOrderFlag)
        FROM "Sales"."SalesOrderHeader"
        """,
    )
    lines, units, line_total = _row(
        connection,
        'SELECT count(*), coalesce(sum(OrderQty), 0), coalesce(sum(LineTotal), 0) FROM "Sales"."SalesOrderDetail"',
    )
    return StagedSource(
        tables,
        SourceTotals(
            orders=int(orders),
            lines=int(lines),
            units=int(units),
            line_total=Decimal(line_total),
            subtotal=Decimal(subtotal),
            total_due=Decimal(total_due),
            online_orders=int(online),
            reseller_orders=int(reseller),
        ),
    )


def _row(connection: InterruptibleConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None, "an aggregate has one row"  # noqa: S101
    return tuple(row)
