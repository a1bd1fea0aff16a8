"""Whether the keys of the tables in silver and gold are there in every row, and once each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.health.data_findings import UNPUBLISHED, counted, nothing_known, with_problems
from dataops_cli.health.data_published import PublishedRelation, published
from dataops_cli.health.data_reading import Reading, open_reading

REMEDY = "It was changed after it was tested. Build it anew: dataops run"


@dataclass(frozen=True)
class KeyCount:
    """Rows of `place` without a whole key, and keys that more than one row has."""

    place: str
    key: tuple[str, ...]
    missing: int
    doubled: int


def look(subject: Subject) -> Finding:
    found = published(subject)
    if found is None:
        return UNPUBLISHED
    if not found.relations:
        return nothing_known(found.generation)
    with open_reading(subject) as reading:
        there = reading.kinds()
        return judge(
            [
                _count(reading, relation)
                for relation in found.relations
                if not relation.is_view
                and relation.key
                and (relation.schema.lower(), relation.name.lower()) in there
            ]
        )


def _count(reading: Reading, relation: PublishedRelation) -> KeyCount:
    table = reading.name(relation.schema, relation.name)
    columns = [reading.name(column) for column in relation.key]
    is_missing = " OR ".join(f"{column} IS NULL" for column in columns)
    key = ", ".join(columns)
    missing = f"SELECT COUNT(*) FROM {table} WHERE {is_missing}"  # noqa: S608
    doubled = (
        f"SELECT COUNT(*) FROM (SELECT {key} FROM {table} WHERE NOT ({is_missing}) "  # noqa: S608
        f"GROUP BY {key} HAVING COUNT(*) > 1) AS doubled"
    )
    return KeyCount(
        relation.place, relation.key, int(reading.rows(missing)[0][0]), int(reading.rows(doubled)[0][0])
    )


def judge(counts: Sequence[KeyCount]) -> Finding:
    if not counts:
        return Finding(Result.SKIPPED, "no table has a key that its tests or meta.key name")
    problems = []
    for count in counts:
        key = ", ".join(count.key)
        if count.missing:
            problems.append(f"{count.place}: {counted(count.missing, 'row')} without {key}")
        if count.doubled:
            problems.append(f"{count.place}: {counted(count.doubled, 'value')} of {key} in more than one row")
    return with_problems(problems, f"{counted(len(counts), 'key')} whole and unique", REMEDY)
