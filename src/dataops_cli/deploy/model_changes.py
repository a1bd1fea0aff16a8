"""What differs between the models of two releases, from their dbt manifests. No git, no engine, no clock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dataops_cli.dbt.graph import BUILT, Graph, Node, graph_of
from dataops_cli.layers import LAYERS

PUBLISHED_TO_ALL = LAYERS[-1]

# They say something about a model and do not change what is built.
_WITHOUT_EFFECT = frozenset(
    (
        "access",
        "description",
        "docs",
        "enabled",
        "event_time",
        "freshness",
        "group",
        "meta",
        "static_analysis",
        "tags",
    )
)

Document = Mapping[str, Any]
"""A `manifest.json` (dbt's artifact schema v12)."""


@dataclass(frozen=True)
class ChangedModel:
    """A model (`layer.name`) that is built otherwise, and what makes it so, in words."""

    name: str
    causes: tuple[str, ...]


@dataclass(frozen=True)
class ModelChanges:
    """Models are `layer.name` in the order of the layers, then by name; tests are by name.

    `downstream` are models that are as they were and read, directly or not, what changed. `every_model` are causes
    that concern all of them. `breaking` is what readers of gold will miss, `columns_added` what they get.
    """

    first: bool
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[ChangedModel, ...]
    downstream: tuple[ChangedModel, ...]
    every_model: tuple[str, ...]
    tests_added: tuple[str, ...]
    tests_removed: tuple[str, ...]
    tests_changed: tuple[str, ...]
    columns_added: tuple[str, ...]
    breaking: tuple[str, ...]


def compare_models(before: Document | None, after: Document) -> ModelChanges:
    """From the manifest of a release to that of another; without the first, everything is new.

    Raises UsageError for a model that is in no layer.
    """
    old, new = graph_of(before) if before else Graph({}, {}), graph_of(after)
    was, now = _models(old), _models(new)
    causes = {key: tuple(_causes(key, before, after)) for key in now if before is not None and key in was}
    changed = {key for key, words in causes.items() if words}
    added = now.keys() - was.keys()
    reached = new.downstream(changed | added)
    downstream = [now[key] for key in now if key in reached - changed - added]
    old_tests, new_tests = _tests(old), _tests(new)
    return ModelChanges(
        first=before is None,
        added=_names(now[key] for key in added),
        removed=_names(was[key] for key in was.keys() - now.keys()),
        changed=tuple(
            ChangedModel(_name(node), causes[node.unique_id]) for node in _sorted(now[key] for key in changed)
        ),
        downstream=tuple(
            ChangedModel(_name(node), (f"reads {_parents(node, now, reached)}",))
            for node in _sorted(downstream)
        ),
        every_model=tuple(_causes_for_all(before, after)) if before else (),
        tests_added=tuple(sorted(new_tests.keys() - old_tests.keys())),
        tests_removed=tuple(sorted(old_tests.keys() - new_tests.keys())),
        tests_changed=tuple(
            sorted(name for name in new_tests.keys() & old_tests.keys() if new_tests[name] != old_tests[name])
        ),
        columns_added=tuple(columns_added(_gold(before, old), _gold(after, new))),
        breaking=tuple(breaking_columns(_gold(before, old), _gold(after, new))),
    )


def _models(graph: Graph) -> dict[str, Node]:
    return {key: node for key, node in graph.nodes.items() if node.kind in BUILT}


def _tests(graph: Graph) -> dict[str, set[tuple[str, str]]]:
    """By name, what defines them: a generic test's id has a hash of its arguments."""
    found: dict[str, set[tuple[str, str]]] = {}
    for test in graph.tests():
        found.setdefault(test.name, set()).add((test.unique_id, test.checksum))
    return found


def _name(node: Node) -> str:
    return f"{node.layer}.{node.name}"


def _sorted(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: (LAYERS.index(node.layer), node.name))


def _names(nodes: Iterable[Node]) -> tuple[str, ...]:
    return tuple(_name(node) for node in _sorted(nodes))


def _parents(node: Node, models: Mapping[str, Node], reached: set[str]) -> str:
    return ", ".join(sorted(models[key].name for key in set(node.parents) & reached & models.keys()))


# What makes a model build otherwise


def _causes(key: str, before: Document, after: Document) -> Iterator[str]:
    old, new = before["nodes"][key], after["nodes"][key]
    same_file = old["checksum"] == new["checksum"]
    if not same_file:
        yield "its rows" if new["resource_type"] == "seed" else "its SQL"
    yield from _config_causes(old["config"], new["config"])
    yield from _contract_causes(_contract(old), _contract(new))
    macros = _macros(before, _called(old)), _macros(after, _called(new))
    # Where its SQL calls other macros than before, that is said already.
    if names := _differing(*macros, also_missing=same_file):
        yield f"the macro{'s' * (len(names) > 1)} {', '.join(names)}"
    for source in sorted(_reads(old) & _reads(new) & before["sources"].keys() & after["sources"].keys()):
        if _place(before["sources"][source]) != _place(after["sources"][source]):
            yield f"the source {'.'.join(source.split('.')[2:])} lies elsewhere"


def _config_causes(old: Document, new: Document) -> Iterator[str]:
    for key in sorted((old.keys() | new.keys()) - _WITHOUT_EFFECT - {"contract"}):
        was, now = old.get(key), new.get(key)
        if was != now:
            brief = all(value is None or isinstance(value, str | int | float) for value in (was, now))
            yield f"its config {key}" + (f" is {_shown(now)}, was {_shown(was)}" if brief else "")


def _shown(value: object) -> str:
    return "not set" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _contract(node: Document) -> tuple[object, ...] | None:
    """What its contract promises; None where none is enforced."""
    if not (node["config"].get("contract") or {}).get("enforced"):
        return None
    columns = [
        (name, _type(column.get("data_type")), column.get("constraints") or [])
        for name, column in sorted((node.get("columns") or {}).items())
    ]
    return columns, node.get("constraints") or []


def _contract_causes(old: object, new: object) -> Iterator[str]:
    if old is None and new is not None:
        yield "its contract is enforced now"
    elif old is not None and new is None:
        yield "its contract is enforced no more"
    elif old != new:
        yield "the columns of its contract"


def _reads(node: Document) -> set[str]:
    return set((node.get("depends_on") or {}).get("nodes") or [])


def _place(source: Document) -> tuple[str, str]:
    # Not its database, which the environment names.
    return source["schema"], source["identifier"]


# Macros


def _called(node: Document) -> list[str]:
    return list((node.get("depends_on") or {}).get("macros") or [])


def _macros(document: Document, roots: Iterable[str]) -> dict[str, str]:
    """The macros (id → text) that these call, and they themselves, without dbt's own."""
    found: dict[str, str] = {}
    waiting, dbts_own = list(roots), _dbts_packages(document)
    while waiting:
        key = waiting.pop()
        macro = document["macros"].get(key)
        if macro is not None and key not in found and macro["package_name"] not in dbts_own:
            found[key] = macro["macro_sql"].strip()
            waiting += _called(macro)
    return found


def _differing(old: Mapping[str, str], new: Mapping[str, str], *, also_missing: bool) -> list[str]:
    """The names of the macros whose text differs, and of those that only one side has."""
    keys = {key for key in old.keys() & new.keys() if old[key] != new[key]}
    if also_missing:
        keys |= old.keys() ^ new.keys()
    return sorted({key.rpartition(".")[2] for key in keys})


def _dbts_packages(document: Document) -> set[str]:
    return {"dbt", f"dbt_{document['metadata'].get('adapter_type')}"}


def _causes_for_all(before: Document, after: Document) -> Iterator[str]:
    """What no model names and every build uses: dbt itself, and macros that it finds by their names."""
    versions = [document["metadata"].get("dbt_version") for document in (before, after)]
    if versions[0] != versions[1]:
        yield f"dbt is {versions[1]}, was {versions[0]}"
    adapters = [document["metadata"].get("adapter_type") for document in (before, after)]
    if adapters[0] != adapters[1]:
        yield f"the adapter is {adapters[1]}, was {adapters[0]}"
        return
    same_dbt = versions[0] == versions[1]
    for package in sorted(_dbts_packages(after) - (set() if same_dbt else {"dbt"})):
        if _of_package(before, package) != _of_package(after, package):
            yield f"the macros of {package}"
    overrides = [_macros(document, _overrides(document)) for document in (before, after)]
    for name in _differing(*overrides, also_missing=True):
        yield f"the macro {name}, which dbt itself calls"


def _of_package(document: Document, package: str) -> dict[str, str]:
    return {
        key: macro["macro_sql"]
        for key, macro in document["macros"].items()
        if macro["package_name"] == package
    }


def _overrides(document: Document) -> Iterator[str]:
    """The project's macros that stand in for dbt's own of the same name; those of tests build nothing."""
    packages, macros = _dbts_packages(document), document["macros"]
    own = {macro["name"] for macro in macros.values() if macro["package_name"] in packages}
    for key, macro in macros.items():
        name = macro["name"]
        if macro["package_name"] not in packages and name in own and not re.match(r"(\w+__)?test_", name):
            yield key


# What readers of gold see


def _gold(document: Document | None, graph: Graph) -> dict[str, dict[str, str]]:
    """The columns with their types by relation. Their case is no matter: neither engine minds it."""
    found: dict[str, dict[str, str]] = {}
    for node in graph.built():
        if document is not None and node.layer == PUBLISHED_TO_ALL:
            raw = document["nodes"][node.unique_id]
            # Not its alias, which has a suffix while it is built on SQL Server.
            relation = f"{PUBLISHED_TO_ALL}.{raw['config'].get('alias') or node.name}"
            columns = (raw.get("columns") or {}).values()
            found[relation] = {
                column["name"].casefold(): _type(column.get("data_type")) for column in columns
            }
    return found


def _type(declared: str | None) -> str:
    """A type in one way of writing it: `decimal(19,4)`; empty where none is declared."""
    text = " ".join((declared or "").lower().split())
    return re.sub(r" ?([(),]) ?", r"\1", text)


Relations = Mapping[str, Mapping[str, str]]
"""By relation (`gold.days`) the type of each column; empty where it is not known."""


def breaking_columns(old: Relations, new: Relations) -> Iterator[str]:
    """What readers of the relations will miss: `gold.days: column revenue is removed`."""
    for relation, columns in sorted(old.items()):
        if relation not in new:
            yield f"{relation} is removed"
            continue
        for column, was in sorted(columns.items()):
            now = new[relation].get(column)
            if now is None:
                yield f"{relation}: column {column} is removed"
            elif was and now and was != now:
                yield f"{relation}: column {column} is {now}, was {was}"


def columns_added(old: Relations, new: Relations) -> Iterator[str]:
    """What readers of the relations get: `gold.days: column margin is added`."""
    for relation, columns in sorted(new.items()):
        if old.get(relation):  # a relation that declared nothing may have had them
            for column in sorted(columns.keys() - old[relation].keys()):
                yield f"{relation}: column {column} is added"
