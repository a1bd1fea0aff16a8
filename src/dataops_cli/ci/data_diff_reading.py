"""Counting the gold tables of a warehouse."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dataops_cli.ci.data_diff import Figures, TableFigures
from dataops_cli.dbt.graph import Node
from dataops_cli.layers import LAYERS
from dataops_cli.warehouse.embedded import Candidate

GOLD = LAYERS[-1]
_NUMERIC = re.compile(r"(u?(tiny|small|big|huge)?int(eger)?|decimal\(.*\)|double|float)", re.IGNORECASE)
MOST_COLUMNS = 10_000


def figures(candidate: Candidate, nodes: Iterable[Node]) -> Figures:
    """Rows, columns and totals of each gold table. Raises DataopsError where one cannot be read."""
    return {f"{GOLD}.{node.alias}": _figures(candidate, node) for node in nodes if node.layer == GOLD}


def _figures(candidate: Candidate, node: Node) -> TableFigures:
    table = f"{_quoted(node.schema)}.{_quoted(node.alias)}"
    described = candidate.query(f"select column_name, column_type from (describe {table})", MOST_COLUMNS)  # noqa: S608
    columns = {str(name): str(kind) for name, kind in described.rows}
    numeric = [name for name, kind in columns.items() if _NUMERIC.fullmatch(kind)]
    sums = "".join(f", sum({_quoted(name)})" for name in numeric)
    counted = candidate.query(f"select count(*){sums} from {table}", 1).rows[0]  # noqa: S608
    return TableFigures(
        rows=int(counted[0]),
        columns={name.casefold(): kind.lower() for name, kind in columns.items()},
        totals={name.casefold(): total for name, total in zip(numeric, counted[1:], strict=True)},
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
