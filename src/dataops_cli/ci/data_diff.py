"""How the gold tables of two builds differ: rows, totals, columns. Pure: made from what was counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dataops_cli.console import plain
from dataops_cli.deploy.model_changes import breaking_columns, columns_added

Number = int | Decimal | float
# Sums of floats depend on the order of the rows.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class TableFigures:
    """What was counted in a table: its rows, its columns with their types, and the total of each numeric column;
    None where all of a column's values are missing."""

    rows: int
    columns: Mapping[str, str]
    totals: Mapping[str, Number | None]


@dataclass(frozen=True)
class TotalDiff:
    column: str
    before: Number | None
    after: Number | None


@dataclass(frozen=True)
class TableDiff:
    """One table of the base and the branch; rows are None where a side has no such table. `totals` are those of
    columns that both have and that differ, `columns` lines such as `column margin is added`."""

    table: str
    rows_before: int | None
    rows_after: int | None
    totals: tuple[TotalDiff, ...]
    columns: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return self.rows_before != self.rows_after or bool(self.totals or self.columns)

    def document(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "rows": {"before": self.rows_before, "after": self.rows_after},
            "totals": {
                item.column: {"before": _plain(item.before), "after": _plain(item.after)}
                for item in self.totals
            },
            "columns": list(self.columns),
        }


Figures = Mapping[str, TableFigures]
"""By relation: `gold.days`."""


def compare(before: Figures, after: Figures) -> tuple[TableDiff, ...]:
    """Every table of either side, by name."""
    return tuple(_compare(name, before.get(name), after.get(name)) for name in sorted({*before, *after}))


def breaking(before: Figures, after: Figures) -> list[str]:
    """What readers will miss, as a deployment says it: `gold.days: column revenue is removed`."""
    return list(breaking_columns(_columns(before), _columns(after)))


def _compare(name: str, before: TableFigures | None, after: TableFigures | None) -> TableDiff:
    totals, columns = list[TotalDiff](), list[str]()
    if before and after:
        both = _columns({name: before}), _columns({name: after})
        columns = [line.partition(": ")[2] for line in (*breaking_columns(*both), *columns_added(*both))]
        totals = [
            TotalDiff(column, before.totals[column], after.totals[column])
            for column in before.totals
            if column in after.totals and not _same(before.totals[column], after.totals[column])
        ]
    return TableDiff(
        name,
        before.rows if before else None,
        after.rows if after else None,
        tuple(totals),
        tuple(columns),
    )


def _columns(figures: Figures) -> dict[str, Mapping[str, str]]:
    return {name: table.columns for name, table in figures.items()}


def _same(one: Number | None, other: Number | None) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE) or (math.isnan(one) and math.isnan(other))
    return one == other


def _plain(value: Number | None) -> Any:
    return value if value is None or isinstance(value, int | float) else plain(value)
