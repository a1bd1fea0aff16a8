"""Whether each relation that was published is there, is the table or the view that it was built as, and can be read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.health.data_findings import counted, nothing_known, with_problems
from dataops_cli.health.data_published import PublishedRelation, published
from dataops_cli.health.data_reading import open_reading
from dataops_cli.layers import LAYERS

REMEDY = "Build it anew: dataops run; or go back to what was published before: dataops generations list"


NOTHING_PUBLISHED = Finding(Result.FAIL, "nothing has been published yet", "Build it with: dataops run")


def look(subject: Subject) -> Finding:
    found = published(subject)
    if found is None:
        return NOTHING_PUBLISHED
    if not found.relations:
        return nothing_known(found.generation, "Publish a new one: dataops run")
    with open_reading(subject, all_of_it=True) as reading:
        kinds = reading.kinds()
    with open_reading(subject) as reading:
        return judge(found.relations, kinds, reading.kinds().keys())


def judge(
    relations: Sequence[PublishedRelation],
    kinds: Mapping[tuple[str, str], bool],
    readable: Collection[tuple[str, str]],
) -> Finding:
    """`kinds` says of each (schema, name), in lower case, whether it is a view; `readable` are those that consumers
    see. Bronze are not for them."""
    problems = []
    for relation in relations:
        place = relation.schema.lower(), relation.name.lower()
        is_view = kinds.get(place)
        if is_view is None:
            problems.append(f"{relation.place} is missing")
        elif is_view is not relation.is_view:
            problems.append(f"{relation.place} is a {_kind(is_view)}, not a {_kind(relation.is_view)}")
        elif relation.layer != LAYERS[0] and place not in readable:
            problems.append(f"{relation.place} cannot be read by the login that reads")
    views = sum(relation.is_view for relation in relations)
    good = f"{counted(views, 'view')} and {counted(len(relations) - views, 'table')}"
    return with_problems(problems, good, REMEDY)


def _kind(is_view: bool) -> str:
    return "view" if is_view else "table"
