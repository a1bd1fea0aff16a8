"""What a run will do, as a list that the printer (`--plan`) and the executor both read.

Pure: made from dbt's graph, the selection and what is published, without a database or a clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dataops_cli.dbt.graph import Graph, Node
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.layers import LAYERS


class Start(StrEnum):
    """What the candidate holds before anything is built."""

    EMPTY = "empty"
    PUBLISHED = "published"
    LEFT_ASIDE = "left aside"


@dataclass(frozen=True)
class StartCandidate:
    """`afresh` are the models that are built from nothing, `continued` those that add to their rows."""

    start: Start
    cause: str
    afresh: tuple[str, ...] = ()
    continued: tuple[str, ...] = ()

    def describe(self) -> str:
        return {
            Start.EMPTY: "start an empty candidate",
            Start.PUBLISHED: "start a candidate from what is published",
            Start.LEFT_ASIDE: "continue the candidate that was left aside",
        }[self.start]


@dataclass(frozen=True)
class CheckFreshness:
    cause: str

    def describe(self) -> str:
        return "check the freshness of the sources"


@dataclass(frozen=True)
class BuildLayer:
    """Build `models` and run `tests`, all of them of one layer, in dbt's order."""

    layer: str
    models: tuple[Node, ...]
    tests: tuple[Node, ...]
    cause: str

    def describe(self) -> str:
        kinds = Counter(node.materialization or node.kind for node in self.models)
        parts = [f"{count} {kind}{'s' * (count > 1)}" for kind, count in sorted(kinds.items())]
        parts += [f"{len(self.tests)} test{'s' * (len(self.tests) != 1)}"] if self.tests else []
        names = ", ".join(node.name for node in self.models)
        return f"{'build and test' if self.models else 'test'} {self.layer}: {', '.join(parts)}" + (
            f" ({names})" if names else ""
        )


@dataclass(frozen=True)
class Document:
    cause: str

    def describe(self) -> str:
        return "write the documentation's catalog"


@dataclass(frozen=True)
class Publish:
    replaces: str | None
    cause: str

    def describe(self) -> str:
        return f"publish, in place of {self.replaces}" if self.replaces else "publish for the first time"


@dataclass(frozen=True)
class RemoveGeneration:
    run_id: str
    cause: str

    def describe(self) -> str:
        return f"remove generation {self.run_id}"


Operation = StartCandidate | CheckFreshness | BuildLayer | Document | Publish | RemoveGeneration


@dataclass(frozen=True)
class Observed:
    """What there is before the run: the published run with its relations, and the generations kept, of which those in
    `of_releases` are for releases to go back to."""

    published: str | None
    relations: frozenset[str]
    generations: tuple[str, ...]
    keep_generations: int
    of_releases: frozenset[str] = frozenset()


def plan_run(
    graph: Graph,
    selected: Collection[str],
    observed: Observed,
    done: Collection[str] | None = None,
    *,
    with_tests: bool = True,
) -> list[Operation]:
    """The operations that build the `selected` nodes (unique ids) and test whatever they touch.

    `done` are the nodes of a run left aside that need not run again; None plans a new run.
    Raises UsageError for an empty selection, DataopsError when a model reads one that does not exist.
    """
    models = [node for node in graph.built() if node.unique_id in selected]
    if not models:
        raise UsageError(
            "The selection matches no model",
            hint="List what there is with: dataops dbt ls --resource-type model",
        )
    whole = len(models) == len(graph.built())
    stateful = [node.name for node in models if node.materialization in ("incremental", "snapshot")]
    copies = observed.published is not None and (not whole or bool(stateful))
    chosen = {node.unique_id for node in models}
    available = chosen | {
        node.unique_id
        for node in graph.nodes.values()
        if node.materialization == "ephemeral" or (copies and node.name in observed.relations)
    }
    _require_parents(graph, models, available)
    touched = graph.touched(chosen)
    read = {parent for node in models for parent in node.parents if parent in graph.sources}
    tests = [test for test in graph.tests() if _can_fail_here(test, graph, touched, available, read)]
    if not with_tests:
        tests = []

    operations: list[Operation] = []
    afresh = tuple(node.name for node in models if node.name not in stateful)
    if done is not None:
        operations.append(StartCandidate(Start.LEFT_ASIDE, "--retry"))
    elif copies:
        cause = f"keeps state: {', '.join(stateful)}" if whole else "only a part is built"
        operations.append(StartCandidate(Start.PUBLISHED, cause, afresh, tuple(stateful)))
    else:
        operations.append(StartCandidate(Start.EMPTY, "consumers never see what is being built", afresh))
    if any(_reads_source(node, graph) for node in models):
        operations.append(CheckFreshness("the run reads sources"))
    again = _to_run(graph, [*models, *tests], done)
    for layer in LAYERS:
        layer_models = tuple(node for node in models if node.layer == layer and node.unique_id in again)
        layer_tests = tuple(test for test in tests if test.layer == layer and test.unique_id in again)
        if layer_models or layer_tests:
            cause = "selected" if layer_models else "its tests read what was rebuilt"
            operations.append(BuildLayer(layer, layer_models, layer_tests, cause))
    operations.append(Document("for dataops docs"))
    because = "every test of what was built has passed" if with_tests else "it was asked for without tests"
    operations.append(Publish(observed.published, because))
    # The one that is about to be published is one of those that are kept.
    kept = observed.keep_generations - 1
    spared = observed.of_releases | ({observed.published} if kept and observed.published else set())
    operations += [
        RemoveGeneration(run_id, f"warehouse.keep_generations is {observed.keep_generations}")
        for run_id in generations_to_remove(observed.generations, spared, kept)
    ]
    return operations


def generations_to_remove(generations: Sequence[str], spared: Collection[str], keep: int) -> tuple[str, ...]:
    """Of all generations, the newest first, those beyond `keep`; never one of those `spared`."""
    return tuple(run_id for run_id in generations[keep:] if run_id not in spared)


def planned_nodes(operations: Sequence[Operation]) -> set[str]:
    """The unique ids of all models and tests that the operations run."""
    return {
        node.unique_id
        for operation in operations
        if isinstance(operation, BuildLayer)
        for node in (*operation.models, *operation.tests)
    }


def describe(operations: Sequence[Operation]) -> list[str]:
    """One line an operation: what is done, and why."""
    return [f"{operation.describe()}  [{operation.cause}]" for operation in operations]


def _to_run(graph: Graph, nodes: Sequence[Node], done: Collection[str] | None) -> set[str]:
    """All of `nodes`; with `done`, those that are not, and what depends on them."""
    if done is None:
        return {node.unique_id for node in nodes}
    return graph.downstream(node.unique_id for node in nodes if node.unique_id not in done)


def _require_parents(graph: Graph, models: Sequence[Node], available: Collection[str]) -> None:
    for node in models:
        for parent in node.parents:
            if parent in graph.nodes and parent not in available:
                raise DataopsError(
                    f"{node.name} reads {graph.nodes[parent].name}, which is neither selected nor published",
                    hint=f"Build it too: dataops run --select +{node.name}",
                    exit_code=ExitCode.REFUSED,
                )


def _can_fail_here(
    test: Node, graph: Graph, touched: Collection[str], available: Collection[str], read: Collection[str]
) -> bool:
    """A test runs when it reads something whose rows may change and all that it reads exists.

    A test of sources alone runs when a model is built that reads one of them.
    """
    parents = [parent for parent in test.parents if parent in graph.nodes]
    if not parents:
        return any(parent in read for parent in test.parents)
    return any(parent in touched for parent in parents) and all(parent in available for parent in parents)


def _reads_source(node: Node, graph: Graph) -> bool:
    return any(parent in graph.sources for parent in node.parents)
