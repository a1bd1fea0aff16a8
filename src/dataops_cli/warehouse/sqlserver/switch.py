"""The statements that make one generation what consumers read in place of another. Pure; run in one transaction.

Tables change their names by sp_rename: a candidate becomes the published table, and what was published gets the
name of the run that built it. Views are created anew from their definition, since a rename would leave the old
name in it. A reader sees the old relations or the new ones.

Permissions are given on objects, never on a schema, where candidates would share them. They go with the object
when it is renamed, so they are taken from what is put away and given to what is published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.layers import LAYERS
from dataops_cli.warehouse.sqlserver.names import identifier, literal, qualified
from dataops_cli.warehouse.sqlserver.state import Placed

CANDIDATE = "__candidate"
READERS = "dataops_readers"
# Where dbt makes the views of its tests, as dbt/profiles.yml says.
SCRATCH_SCHEMA = "dbt_scratch"
LONGEST_NAME = 128

# What a schema holds: (schema, name) → whether it is a view.
Existing = Mapping[tuple[str, str], bool]


def candidate_name(name: str) -> str:
    return name + CANDIDATE


def archived_name(name: str, built_by: str) -> str:
    """Where a table waits that a generation keeps and that is not published. Raises DataopsError when it is too long."""
    archived = f"{name}__{built_by.replace('-', '_')}"
    if len(archived) > LONGEST_NAME:
        raise DataopsError(
            f"{name} is too long a name: with its run's, {archived} has more than {LONGEST_NAME} characters",
            hint=f"Give the model an alias of at most {LONGEST_NAME - len(built_by) - 2} characters.",
        )
    return archived


def published_definition(compiled: str) -> str:
    """A view's query as dbt compiled it for the candidate, with the names of what is published."""
    return re.sub(rf'{CANDIDATE}(?=["\]])', "", compiled).strip().rstrip(";")


def switch(
    current: Sequence[Placed],
    wanted: Sequence[Placed],
    existing: Existing,
    *,
    fresh: str | None,
    with_readers: bool,
) -> list[str]:
    """From `current` to `wanted`, both parents first. Tables that run `fresh` built are candidates still.

    `existing` is what the schemas of both hold; `with_readers` says whether the role of the readers exists.
    Raises DataopsError (exit 5) when a table that is wanted is not there.
    """
    # SQL Server's default compares names without their case.
    there = {(schema.lower(), name.lower()): is_view for (schema, name), is_view in existing.items()}
    now = {_key(item): item for item in current}
    unchanged = {
        _key(item)
        for item in wanted
        if (before := now.get(_key(item))) and _same(before, item) and there.get(_key(item)) is item.is_view
    }
    leaving = [item for item in current if _key(item) not in unchanged]
    coming = [item for item in wanted if _key(item) not in unchanged]

    statements = [
        f"DROP VIEW IF EXISTS {qualified(item.schema, item.name)}"
        for item in reversed(leaving)
        if item.is_view
    ]
    for item in leaving:
        if not item.is_view and there.get(_key(item)) is False:
            statements += _permissions("REVOKE", item, "FROM", with_readers)
            statements.append(_rename(item.schema, item.name, archived_name(item.name, item.built_by)))
    # What has the name and is not ours, such as a table that was built by hand, is put aside and not lost.
    for item in coming:
        if _key(item) not in now and _key(item) in there:
            statements += _permissions("REVOKE", item, "FROM", with_readers)
            away = archived_name(item.name, f"before_{fresh or item.built_by}")
            statements.append(_rename(item.schema, item.name, away))
    for item in coming:
        if item.is_view:
            continue
        archived = archived_name(item.name, item.built_by)
        waiting = candidate_name(item.name) if item.built_by == fresh else archived
        if there.get((item.schema.lower(), waiting.lower())) is not False:
            raise DataopsError(
                f"The table {item.schema}.{waiting} is not there, so that {item.model} cannot be published",
                hint="Build it anew: dataops run",
                exit_code=ExitCode.REFUSED,
            )
        statements.append(_rename(item.schema, waiting, item.name))
        statements += _permissions("GRANT", item, "TO", with_readers)
    for item in coming:
        if item.is_view:
            statements.append(f"CREATE VIEW {qualified(item.schema, item.name)} AS\n{item.definition}")
            statements += _permissions("GRANT", item, "TO", with_readers)
    if fresh is None:
        return statements
    taken = {(item.schema, candidate_name(item.name)) for item in coming if not item.is_view}
    return statements + discard({key: kind for key, kind in leftovers(existing).items() if key not in taken})


def discard(objects: Existing) -> list[str]:
    """The statements that drop tables and views, the views first, since they may read the tables."""
    ordered = sorted(objects.items(), key=lambda entry: (not entry[1], entry[0]))
    return [
        f"DROP {'VIEW' if is_view else 'TABLE'} IF EXISTS {qualified(schema, name)}"
        for (schema, name), is_view in ordered
    ]


def leftovers(existing: Existing, suffix: str = CANDIDATE) -> dict[tuple[str, str], bool]:
    """Everything with the suffix in the layers' schemas, dbt's own intermediate relations with it."""
    return {
        (schema, name): is_view
        for (schema, name), is_view in existing.items()
        if schema.lower() in LAYERS and re.search(rf"{suffix}(__dbt_\w+)?$", name)
    }


def _same(one: Placed, other: Placed) -> bool:
    if one.is_view or other.is_view:
        return one.is_view and other.is_view and one.definition == other.definition
    return one.built_by == other.built_by


def _rename(schema: str, old: str, new: str) -> str:
    """`new` is no identifier here: sp_rename takes every character of it as it is."""
    plain = all(re.fullmatch(r"[A-Za-z_]\w*", part) for part in (schema, old))
    name = f"{schema}.{old}" if plain else qualified(schema, old)
    return f"EXEC sp_rename {literal(name)}, {literal(new)}, N'OBJECT'"


def _permissions(verb: str, item: Placed, preposition: str, with_readers: bool) -> list[str]:
    """On silver and gold alone: bronze are views on the live source, which nobody has tested."""
    if not with_readers or item.schema.lower() == LAYERS[0]:
        return []
    return [f"{verb} SELECT ON {qualified(item.schema, item.name)} {preposition} {identifier(READERS)}"]


def _key(item: Placed) -> tuple[str, str]:
    return item.schema.lower(), item.name.lower()
