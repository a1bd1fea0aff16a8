"""Whether the tables hold as many rows as they were published with, and as many as is usual.

What is usual is learned from the earlier generations that are kept; nothing has to be set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.health.data_findings import NO_TABLE, UNPUBLISHED, counted, nothing_known, with_problems
from dataops_cli.health.data_published import published
from dataops_cli.health.data_reading import open_reading

# How far from the median of the earlier generations a table may be.
AT_LEAST, AT_MOST = 0.5, 2.0
CHANGED = "It was changed after it was tested. Build it anew: dataops run"
UNUSUAL = "Look at what the source holds; to go back to what was published before: dataops generations list"


@dataclass(frozen=True)
class TableRows:
    """A table's rows: now, when it was published, and in the earlier generations."""

    place: str
    now: int
    published: int
    earlier: tuple[int, ...]


def look(subject: Subject) -> Finding:
    found = published(subject)
    if found is None:
        return UNPUBLISHED
    if not found.relations:
        return nothing_known(found.generation)
    earlier: list[Mapping[str, int]] = [generation.rows for generation in found.earlier]
    tables = []
    with open_reading(subject) as reading:
        there = reading.kinds()
        for relation in found.relations:
            if relation.is_view or (relation.schema.lower(), relation.name.lower()) not in there:
                continue  # a view's rows are those of the source; what is missing is said by another check
            sql = f"SELECT COUNT(*) FROM {reading.name(relation.schema, relation.name)}"  # noqa: S608
            tables.append(
                TableRows(
                    relation.place,
                    int(reading.rows(sql)[0][0]),
                    found.generation.rows[relation.model],
                    tuple(rows[relation.model] for rows in earlier if relation.model in rows),
                )
            )
    return judge(tables)


def judge(tables: Sequence[TableRows]) -> Finding:
    if not tables:
        return NO_TABLE
    changed = [
        f"{table.place} has {counted(table.now, 'row')}, and was published with {table.published:,}"
        for table in tables
        if table.now != table.published
    ]
    if changed:
        return with_problems(changed, "", CHANGED)
    few = [problem for table in tables if (problem := _too_few(table))]
    if few:
        return with_problems(few, "", UNUSUAL)
    many = [problem for table in tables if (problem := _too_many(table))]
    rows = f"{counted(sum(table.now for table in tables), 'row')} in {counted(len(tables), 'table')}"
    return with_problems(many, rows, UNUSUAL, result=Result.WARN)


def _too_few(table: TableRows) -> str:
    usual = median(table.earlier) if table.earlier else None
    if table.now == 0 and usual != 0:
        return f"{table.place} is empty"
    if usual is not None and table.now < usual * AT_LEAST:
        return f"{table.place} has {counted(table.now, 'row')}, less than half of the usual {usual:,.0f}"
    return ""


def _too_many(table: TableRows) -> str:
    if not table.earlier or table.now <= (usual := median(table.earlier)) * AT_MOST:
        return ""
    return f"{table.place} has {counted(table.now, 'row')}, more than double the usual {usual:,.0f}"
