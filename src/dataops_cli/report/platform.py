"""What the report says of the platform: what is published, its lineage, the last runs with their tests."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from dataops_cli.dbt.graph import Graph, read_graph
from dataops_cli.dbt.results import NodeResult
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.layers import LAYERS
from dataops_cli.pipeline.history import History, RunRecord
from dataops_cli.settings.model import Settings
from dataops_cli.warehouse.generation import Generation
from dataops_cli.warehouse.select import open_warehouse

# Runs that are shown, and steps of the last one.
RUNS, SLOWEST = 20, 5
MANIFEST = "manifest.json"


def read_platform(settings: Settings, home: Path) -> dict[str, Any]:
    """`published`, `lineage` (None without a manifest), `runs` (the newest first), `tests` and `slowest` of the
    last run that tested something. Raises DataopsError (exit 3) where nothing is published."""
    published = open_warehouse(settings, home).published()
    if published is None:
        raise DataopsError(
            "Nothing has been published yet",
            hint="Build it with: dataops run",
            exit_code=ExitCode.UNAVAILABLE,
        )
    records = History(home).runs()
    graph = _graph(records, published)
    tested = next((record for record in records if _tests(record.results())), None)
    return {
        "published": published.document(),
        "lineage": _lineage(graph, published) if graph else None,
        "runs": [_run(record) for record in records[:RUNS]],
        "tests": _tests_by_layer(tested, graph) if tested and graph else [],
        "slowest": _slowest(tested) if tested else [],
    }


def _graph(records: list[RunRecord], published: Generation) -> Graph | None:
    """Of the run that built what is published; where that is no longer kept, of the newest."""
    found = sorted(records, key=lambda record: record.run_id != published.run_id)
    paths = (record.folder / MANIFEST for record in found)
    return next((read_graph(path) for path in paths if path.exists()), None)


def _lineage(graph: Graph, published: Generation) -> dict[str, Any]:
    """Nodes with their layer and rows, parents before children, and the arrows between them."""
    models = graph.ordered()
    read = {parent for node in models for parent in node.parents if parent in graph.sources}
    nodes: list[dict[str, Any]] = [
        {"name": _short(key), "layer": "source", "rows": None} for key in sorted(read)
    ]
    nodes += [
        {"name": node.name, "layer": node.layer, "rows": published.rows.get(node.name)} for node in models
    ]
    names = {key: _short(key) for key in read} | {node.unique_id: node.name for node in models}
    arrows = [
        [names[parent], node.name] for node in models for parent in sorted(node.parents) if parent in names
    ]
    return {"nodes": nodes, "arrows": arrows}


def _run(record: RunRecord) -> dict[str, Any]:
    facts, results = record.facts, record.results()
    tests = _tests(results)
    return {
        "run_id": record.run_id,
        "published": facts["status"] == "succeeded",
        **{key: facts.get(key) for key in ("status", "started_at", "finished_at", "seconds", "release")},
        "models": sum(result.unique_id.startswith("model.") for result in results),
        "tests": len(tests),
        "tests_passed": sum(result.ok for result in tests),
        "reason": facts.get("reason") or _first_failure(results),
    }


def _first_failure(results: list[NodeResult]) -> str | None:
    """The name alone: messages may quote rows."""
    failed = [result for result in results if result.status in ("error", "fail")]
    return f"{failed[0].status}: {_name(failed[0].unique_id)}" if failed else None


def _tests_by_layer(record: RunRecord, graph: Graph) -> list[dict[str, Any]]:
    counted: dict[str, Counter[str]] = {layer: Counter() for layer in LAYERS}
    seconds: Counter[str] = Counter()
    for result in _tests(record.results()):
        node = graph.nodes.get(result.unique_id)
        if node is not None:
            counted[node.layer][result.status] += 1
            seconds[node.layer] += result.seconds  # type: ignore[assignment]
    return [
        {
            "layer": layer,
            "passed": counts["pass"],
            "warned": counts["warn"],
            "failed": counts["fail"] + counts["error"],
            "skipped": counts["skipped"],
            "seconds": round(seconds[layer], 3),
        }
        for layer, counts in counted.items()
    ]


def _slowest(record: RunRecord) -> list[dict[str, Any]]:
    results = sorted(record.results(), key=lambda result: -result.seconds)[:SLOWEST]
    return [
        {
            "name": _name(result.unique_id),
            "kind": result.unique_id.partition(".")[0],
            "seconds": result.seconds,
        }
        for result in results
    ]


def _tests(results: list[NodeResult]) -> list[NodeResult]:
    return [result for result in results if result.unique_id.startswith("test.")]


def _name(unique_id: str) -> str:
    """A test's id ends with a hash of its definition."""
    parts = unique_id.split(".")
    return parts[2] if len(parts) > 2 else unique_id


def _short(unique_id: str) -> str:
    """`Sales.SalesOrderHeader` of a source's id is its last two parts."""
    return ".".join(unique_id.split(".")[-2:])
