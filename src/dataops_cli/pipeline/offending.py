"""Some rows that made a test fail: keys and tested columns, with personal data masked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from dataops_cli.console import plain
from dataops_cli.dbt.graph import Graph, Node
from dataops_cli.warehouse.rows import Rows

MASK = "•••"
_BROKEN = re.compile(r"Got (\d+) results?, configured to fail if != 0")


def visible(test: Node, rows: Rows, graph: Graph) -> Rows:
    """Of the rows that a test found, what may and should be shown.

    Of a model's columns its key and those that the test names, in this order; then what the test computed. Of a test
    that names none of them all.
    A column is masked when its name is tagged `pii` anywhere, or when a tested column is tagged and
    the column is not a model's own, since it may carry the tested value under another name.
    """
    parents = [graph.nodes[parent] for parent in test.parents if parent in graph.nodes]
    keys = {column for parent in parents for column in parent.key}
    own = frozenset[str]().union(*(parent.columns for parent in parents))
    pii = graph.pii_columns()
    lowered = {column.lower() for column in pii}
    tests_personal_data = bool(test.tested_columns & pii)
    # One whose words have a personal column in them may have computed a text from it; one that names no column, from any.
    may_test_it = bool(test.words & lowered) or (
        not test.tested_columns and any(parent.pii for parent in parents)
    )
    named = {column for column in own if column in test.tested_columns or column.lower() in test.words}
    shown = sorted(
        (
            index
            for index, column in enumerate(rows.columns)
            if column not in own or column in keys | named or not named
        ),
        key=lambda index: (rows.columns[index] not in keys, rows.columns[index] not in named),
    )

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


def in_words(message: str) -> str:
    """dbt's message; of a data test that allows no row, how many break it."""
    found = _BROKEN.fullmatch(message)
    if found is None:
        return message
    return f"{found[1]} row breaks it" if found[1] == "1" else f"{found[1]} rows break it"


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
