"""What is published, and what the records of the runs know of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dataops_cli.dbt.graph import Graph, Node, graph_of, read_manifest
from dataops_cli.health.check import Subject
from dataops_cli.health.data_reading import bounded
from dataops_cli.pipeline.history import History
from dataops_cli.warehouse.generation import Generation
from dataops_cli.warehouse.select import open_warehouse

# What dbt puts at the end of names while it builds aside in SQL Server.
CANDIDATE = "__candidate"


@dataclass(frozen=True)
class PublishedRelation:
    """A table or view as consumers find it. `key` are the columns that tell its rows apart, none where no test of
    the project says so."""

    model: str
    layer: str
    schema: str
    name: str
    is_view: bool
    key: tuple[str, ...]

    @property
    def place(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class LoadedSource:
    """A source table that the project wants to be fresh. `column` says when its rows are of."""

    schema: str
    table: str
    column: str


@dataclass(frozen=True)
class Published:
    """The generation that is published, and those that were built before it and are kept, the newest first.

    `relations` and `sources` are empty where no run is on record here.
    """

    generation: Generation
    earlier: tuple[Generation, ...]
    relations: tuple[PublishedRelation, ...]
    sources: tuple[LoadedSource, ...]


def published(subject: Subject) -> Published | None:
    """None where nothing is published. Raises DataopsError where the warehouse cannot be asked."""
    home = subject.project.state(subject.environment.name)
    warehouse = open_warehouse(bounded(subject.environment.settings), home)
    current = warehouse.published()
    if current is None:
        return None
    earlier = tuple(
        item for item in warehouse.generations() if item.published_at and item.number < current.number
    )
    manifest = _manifest(home, current.run_id)
    if manifest is None:
        return Published(current, earlier, (), ())
    document = _read(manifest)
    return Published(current, earlier, relations_of(document, current.rows), sources_of(document))


def relations_of(manifest: Mapping[str, Any], built: Mapping[str, int]) -> tuple[PublishedRelation, ...]:
    """The relations of a manifest that are among the models `built`, by layer and name."""
    graph = graph_of(manifest)
    unique = _tested_as_unique(graph, manifest)
    return tuple(
        PublishedRelation(
            model=node.name,
            layer=node.layer,
            schema=node.schema,
            name=node.alias.removesuffix(CANDIDATE),
            is_view=node.materialization == "view",
            key=node.key or unique.get(node.unique_id, ()),
        )
        for node in graph.built()
        if node.name in built
    )


def sources_of(manifest: Mapping[str, Any]) -> tuple[LoadedSource, ...]:
    """The source tables with a rule of freshness and a plain column for it."""
    return tuple(
        LoadedSource(item["schema"], item["identifier"], item["loaded_at_field"])
        for item in manifest["sources"].values()
        if ((item.get("freshness") or {}).get("warn_after") or {}).get("count")
        and str(item.get("loaded_at_field") or "").isidentifier()
    )


def _tested_as_unique(graph: Graph, manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The first column of each model that dbt's test `unique` is on."""
    found: dict[str, tuple[str, ...]] = {}
    for node in _sorted(graph.tests()):
        raw = manifest["nodes"][node.unique_id]
        if (raw.get("test_metadata") or {}).get("name") == "unique" and raw.get("column_name"):
            found.setdefault(str(raw.get("attached_node")), (raw["column_name"],))
    return found


def _sorted(nodes: Iterable[Node]) -> Sequence[Node]:
    return sorted(nodes, key=lambda node: node.name)


def _manifest(home: Path, run_id: str) -> Path | None:
    """That of the run, or the newest that there is: its run may have been done on another machine."""
    history = History(home)
    others = sorted(history.folder.glob("*/run.json"), reverse=True)
    for folder in (history.folder / run_id, *(path.parent for path in others)):
        if (folder / "manifest.json").is_file():
            return folder / "manifest.json"
    return None


_read = lru_cache(maxsize=1)(read_manifest)
