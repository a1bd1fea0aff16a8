"""What is published, and the runs, as they are recorded where dbt runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from dataops_cli.dbt.graph import Graph, Node, read_graph
from dataops_cli.dbt.results import NodeResult
from dataops_cli.pipeline.history import History, RunRecord
from dataops_cli.settings.model import Settings
from dataops_cli.warehouse.generation import Generation
from dataops_cli.warehouse.select import open_warehouse

RUNNING = "running"
# What tests of the source's tables are of, in place of a layer.
SOURCE = "source"


@dataclass(frozen=True)
class Run:
    """One run. `status` is one of running, succeeded, failed, interrupted, killed; times are UTC in ISO form.

    `steps` has the seconds of each step; `failures` counts the models and tests that failed; `is_undone` says that it
    was a deployment's, which has put its data back.
    """

    run_id: str
    status: str
    started_at: str
    finished_at: str | None
    seconds: float | None
    release: str | None
    as_of_date: str | None
    failures: int
    reason: str
    steps: Mapping[str, float]
    is_undone: bool = False

    @property
    def is_over(self) -> bool:
        return self.status != RUNNING


@dataclass(frozen=True)
class Result:
    """What came of a model or test. `status` is dbt's word. A test's `model` is the one that it tests: of several, one
    of the last layer; where it reads no model, a table of the source, whose layer is `source`. `rows` are those that
    a test found."""

    kind: str
    name: str
    layer: str
    model: str
    status: str
    ok: bool
    seconds: float
    rows: int | None


@dataclass(frozen=True)
class Data:
    """`runs` are those that are kept, the newest first; `results` are of run `results_of`, the newest one that has
    ended with some. `published` is None where nothing is."""

    published: Generation | None
    runs: Sequence[Run]
    results_of: str | None = None
    results: Sequence[Result] = ()

    def document(self) -> dict[str, Any]:
        """As JSON can carry it."""
        return {
            "published": self.published.document() if self.published else None,
            "runs": [asdict(run) for run in self.runs],
            "results_of": self.results_of,
            "results": [asdict(result) for result in self.results],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        published = document["published"]
        return cls(
            Generation.from_document(published) if published else None,
            [Run(**run) for run in document["runs"]],
            document["results_of"],
            [Result(**result) for result in document["results"]],
        )


def read_data(settings: Settings, home: Path) -> Data:
    """`home` is the environment's state folder. Raises DataopsError where the warehouse cannot be asked."""
    published = open_warehouse(settings, home).published()
    records = History(home).runs()
    runs = [_run(record) for record in records]
    for record, run in zip(records, runs, strict=True):
        if run.is_over and (found := record.results()):
            return Data(published, runs, run.run_id, _results(found, record.folder / "manifest.json"))
    return Data(published, runs)


def _run(record: RunRecord) -> Run:
    facts = record.facts
    return Run(
        run_id=record.run_id,
        status=facts["status"],
        started_at=facts["started_at"],
        finished_at=facts.get("finished_at"),
        seconds=facts.get("seconds"),
        release=facts.get("release"),
        as_of_date=facts.get("as_of_date"),
        failures=len(facts.get("failures") or []),
        reason=facts.get("reason") or "",
        steps=facts.get("timings") or {},
        is_undone=record.is_undone,
    )


def _results(found: Sequence[NodeResult], manifest: Path) -> list[Result]:
    graph = read_graph(manifest) if manifest.exists() else Graph({}, {})
    return [_result(item, graph) for item in found]


def _result(found: NodeResult, graph: Graph) -> Result:
    kind, _package, name = found.unique_id.split(".", 2)
    node = graph.nodes.get(found.unique_id)
    layer, model = node.layer if node else "", name
    if kind == "test":
        name = name.partition(".")[0]  # a hash of its definition follows
        layer, model = _tested(node, graph) if node else ("", "")
    return Result(kind, name, layer, model, found.status, found.ok, found.seconds, found.failures)


def _tested(test: Node, graph: Graph) -> tuple[str, str]:
    """The layer and name of what a test is about; the layer of a table of the source is `source`."""
    models = [graph.nodes[parent] for parent in test.parents if parent in graph.nodes]
    if models:
        # dbt names what a test refers to besides its own model first.
        return test.layer, [node.name for node in models if node.layer == test.layer][-1]
    return SOURCE, test.parents[-1].split(".", 2)[-1] if test.parents else ""
