"""What a run needs to know of a dbt manifest: nodes, what depends on what, keys, personal data.

Read from `manifest.json` (dbt's artifact schema v12), so that it works for a stored run as well.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataops_cli.errors import DataopsError, UsageError
from dataops_cli.layers import LAYERS

BUILT = ("model", "seed", "snapshot")


@dataclass(frozen=True)
class Node:
    """A model, seed, snapshot or data test. `select` is the text that selects exactly this node."""

    unique_id: str
    kind: str
    name: str
    layer: str
    schema: str
    alias: str
    path: str
    select: str
    parents: tuple[str, ...]
    materialization: str
    key: tuple[str, ...]
    pii: frozenset[str]
    columns: frozenset[str]
    tested_columns: frozenset[str]
    as_of_column: str | None
    checksum: str
    """Of the file that defines it; empty where its name says all, as for a generic test."""
    words: frozenset[str] = frozenset()
    """Of a data test: all that its SQL or its arguments name, in lower case; columns are among them."""


@dataclass(frozen=True)
class Graph:
    """All nodes by their unique id; `sources` are the sources' ids with the personal columns of each."""

    nodes: Mapping[str, Node]
    sources: Mapping[str, frozenset[str]]

    def built(self) -> list[Node]:
        """What is materialized (models, seeds, snapshots), by layer and name."""
        found = (
            node for node in self.nodes.values() if node.kind in BUILT and node.materialization != "ephemeral"
        )
        return sorted(found, key=lambda node: (LAYERS.index(node.layer), node.name))

    def ordered(self) -> list[Node]:
        """What is materialized, parents before children."""
        waiting, placed = self.built(), list[Node]()
        while waiting:
            ids = {node.unique_id for node in waiting}
            ready = [node for node in waiting if not ids & set(node.parents)]
            placed += ready
            waiting = [node for node in waiting if node not in ready]
        return placed

    def touched(self, rebuilt: Iterable[str]) -> set[str]:
        """The rebuilt nodes and the views on them, whose rows change without a build."""
        found = set(rebuilt)
        waiting = list(found)
        while waiting:
            parent = waiting.pop()
            for node in self.nodes.values():
                is_view = node.materialization in ("view", "ephemeral")
                if is_view and parent in node.parents and node.unique_id not in found:
                    found.add(node.unique_id)
                    waiting.append(node.unique_id)
        return found

    def tests(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.kind == "test"]

    def downstream(self, roots: Iterable[str]) -> set[str]:
        """The roots and everything that depends on them."""
        children: dict[str, list[str]] = {}
        for node in self.nodes.values():
            for parent in node.parents:
                children.setdefault(parent, []).append(node.unique_id)
        found: set[str] = set()
        waiting = list(roots)
        while waiting:
            unique_id = waiting.pop()
            if unique_id not in found:
                found.add(unique_id)
                waiting += children.get(unique_id, [])
        return found

    def pii_columns(self) -> frozenset[str]:
        """Every column name that is tagged `pii` anywhere."""
        tagged = [node.pii for node in self.nodes.values()] + list(self.sources.values())
        return frozenset().union(*tagged)


def read_graph(manifest: Path) -> Graph:
    """The graph of a manifest file. Raises DataopsError where it is damaged, UsageError for a model that is in no
    layer."""
    return graph_of(read_manifest(manifest))


def read_manifest(manifest: Path) -> dict[str, Any]:
    """The document of a manifest file. Raises DataopsError where it is damaged."""
    try:
        return dict(json.loads(manifest.read_text(encoding="utf-8")))
    except ValueError:
        raise DataopsError(
            f"{manifest} is damaged: it is no manifest of dbt",
            hint=f"Move it away, then run the command again: mv {shlex.quote(str(manifest))} "
            f"{shlex.quote(f'{manifest}.damaged')}",
        ) from None


def graph_of(document: Mapping[str, Any]) -> Graph:
    """The graph of a manifest. Raises UsageError for a model that is in no layer."""
    sources = {key: _pii(source) for key, source in document["sources"].items()}
    raw = {key: node for key, node in document["nodes"].items() if node["resource_type"] in (*BUILT, "test")}
    layers: dict[str, str] = {}
    for key, node in raw.items():
        if node["resource_type"] in BUILT:
            layers[key] = _layer(node)
    nodes = {}
    for key, node in raw.items():
        layer = layers.get(key) or _latest(layers[parent] for parent in _parents(node) if parent in layers)
        nodes[key] = _node(node, layer)
    return Graph(nodes, sources)


def _node(node: Mapping[str, Any], layer: str) -> Node:
    config = node["config"]
    key = (config.get("meta") or {}).get("key") or []
    metadata = node.get("test_metadata") or {}
    return Node(
        unique_id=node["unique_id"],
        kind=node["resource_type"],
        name=node["name"],
        layer=layer,
        schema=node["schema"],
        alias=node["alias"],
        path=node["original_file_path"],
        select="fqn:" + ".".join(node["fqn"]),
        parents=tuple(_parents(node)),
        materialization=config.get("materialized") or "",
        key=tuple([key] if isinstance(key, str) else key),
        pii=_pii(node),
        columns=frozenset(node.get("columns") or {}),
        tested_columns=_tested_columns(node.get("column_name"), metadata.get("kwargs") or {}),
        as_of_column=(config.get("meta") or {}).get("as_of_date"),
        checksum=str((node.get("checksum") or {}).get("checksum") or ""),
        words=_words(node, metadata) if node["resource_type"] == "test" else frozenset(),
    )


def _parents(node: Mapping[str, Any]) -> list[str]:
    return list((node.get("depends_on") or {}).get("nodes") or [])


def _layer(node: Mapping[str, Any]) -> str:
    for layer in LAYERS:
        if layer in node.get("tags", []):
            return layer
    if node["resource_type"] == "seed":
        return LAYERS[0]
    raise UsageError(
        f"dbt/{node['original_file_path']}: the model {node['name']} is in no layer",
        hint=f"Move it to dbt/models/{'|'.join(LAYERS)}/, or tag it with its layer.",
    )


def _latest(layers: Iterable[str]) -> str:
    """A test belongs to the last layer that it reads; one that reads sources alone to the first."""
    return max(layers, key=LAYERS.index, default=LAYERS[0])


def _pii(node: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(
        name
        for name, column in (node.get("columns") or {}).items()
        if "pii" in (column.get("tags") or []) + ((column.get("config") or {}).get("tags") or [])
    )


def _tested_columns(column: str | None, arguments: Mapping[str, Any]) -> frozenset[str]:
    """The columns named by a generic test: its own, and those in its arguments."""
    named = {column} if column else set()
    for key, value in arguments.items():
        if "column" in key:
            named |= set(value) if isinstance(value, list) else {str(value)}
    return frozenset(named)


def _words(test: Mapping[str, Any], metadata: Mapping[str, Any]) -> frozenset[str]:
    """Of a generic test those of its arguments, but for the model that it is of; else those of its SQL."""
    arguments = [value for key, value in (metadata.get("kwargs") or {}).items() if key != "model"]
    text = " ".join(_texts(arguments)) if metadata else test.get("raw_code") or ""
    return frozenset(re.findall(r"\w+", text.lower()))


def _texts(value: Any) -> Iterator[str]:
    """All that an argument says, however deep."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    else:
        yield str(value)
