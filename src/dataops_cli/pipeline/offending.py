"""Some rows that made a test fail: keys and tested columns, with personal data masked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dataops_cli.console import plain
from dataops_cli.dbt.graph import Graph, Node
from dataops_cli.warehouse.rows import Rows

MASK = "•••"


def visible(test: Node, rows: Rows, graph: Graph) -> Rows:
    """Of the rows that a test found, what may and should be shown.

    Of a model's columns only its key and the tested ones; columns that the test computed stay.
    A column is masked when its name is tagged `pii` anywhere, or when a tested column is tagged and
    the column is not a model's own, since it may carry the tested value under another name.
    """
    parents = [graph.nodes[parent] for parent in test.parents if parent in graph.nodes]
    keys = {column for parent in parents for column in parent.key}
    own = frozenset[str]().union(*(parent.columns for parent in parents))
    pii = graph.pii_columns()
    tests_personal_data = bool(test.tested_columns & pii)
    # A test that names no column may have computed any text from a parent's personal data.
    may_test_it = not test.tested_columns and any(parent.pii for parent in parents)
    lowered = {column.lower() for column in pii}
    relevant = keys | test.tested_columns
    shown = [
        index
        for index, column in enumerate(rows.columns)
        if column not in own or column in relevant or not test.tested_columns
    ]

    def masked(column: str, value: Any) -> bool:
        if value is None or column.lower() in lowered:
            return value is not None
        return column not in own and (tests_personal_data or (may_test_it and isinstance(value, str)))

    return Rows(
        tuple(rows.columns[index] for index in shown),
        [
            tuple(MASK if masked(rows.columns[index], row[index]) else row[index] for index in shown)
            for row in rows.rows
        ],
        rows.more,
    )


@dataclass(frozen=True)
class Failure:
    """A model that could not be built or a test that failed, with what helps to mend it."""

    node: Node
    status: str
    message: str
    failures: int | None
    compiled: str | None
    rows: Rows | None

    def document(self) -> dict[str, Any]:
        return {
            "name": self.node.name,
            "kind": self.node.kind,
            "layer": self.node.layer,
            "status": self.status,
            "message": self.message,
            "failures": self.failures,
            "compiled_sql": self.compiled,
            "rows": [
                {column: _json(value) for column, value in zip(self.rows.columns, row, strict=True)}
                for row in self.rows.rows
            ]
            if self.rows
            else [],
        }


def _json(value: Any) -> Any:
    """A value as JSON has it: the record of a run keeps the rows."""
    return value if value is None or isinstance(value, bool | int | float | str) else plain(value)
