"""A run in steps, each a process of its own, as Airflow's tasks are.

What `execute` does at one go is done in six parts: freshness, bronze, silver, gold, publish, documentation. Code and
plan are the same. A step hands the next one a document (`SoFar`), since they may run on different machines;
what was built stays aside in the warehouse, whose lock is reserved for the run between two steps.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from dataops_cli.dbt.graph import Graph
from dataops_cli.dbt.results import NodeResult
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.layers import LAYERS
from dataops_cli.pipeline.execution import Execution, RunOutcome
from dataops_cli.pipeline.history import RunRecord
from dataops_cli.pipeline.options import RunOptions
from dataops_cli.pipeline.plan import (
    BuildLayer,
    CheckFreshness,
    Document,
    Operation,
    Publish,
    RemoveGeneration,
    StartCandidate,
    planned_nodes,
)
from dataops_cli.pipeline.run import PipelineRun
from dataops_cli.warehouse.interface import Candidate, Lease


class Step(StrEnum):
    FRESHNESS = "freshness"
    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    PUBLISH = "publish"
    DOCUMENTATION = "documentation"


@dataclass(frozen=True)
class SoFar:
    """What a run has done. `facts` are those of its record, `results` of all nodes that were built or tested,
    `checksums` of the files that define them."""

    run_id: str
    facts: Mapping[str, Any]
    results: tuple[NodeResult, ...] = ()
    checksums: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "facts": dict(self.facts),
            "results": [result.document() for result in self.results],
            "checksums": dict(self.checksums),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> SoFar:
        return cls(
            document["run_id"],
            document["facts"],
            tuple(NodeResult.from_document(item) for item in document["results"]),
            document["checksums"],
        )


@dataclass(frozen=True)
class Reservation:
    """For how many seconds the lock is kept for the next step, and whether also for another try of this one where it
    fails for a cause that may pass."""

    seconds: float
    is_last_try: bool


def begin(
    pipeline: PipelineRun, options: RunOptions, command: str, reservation: Reservation
) -> tuple[SoFar, RunOutcome]:
    """The first step: start a candidate and check the sources."""
    pipeline.warehouse.require_source()
    with pipeline.hold(command, options) as lease:
        pipeline.warehouse.recover()
        pipeline.history.prune(pipeline.settings.runs.keep - 1)
        record = pipeline.start(lease, options, command)
        return _Step(pipeline, Step.FRESHNESS, options, record, lease, reservation).carry_out(None)


def go_on(
    pipeline: PipelineRun,
    step: Step,
    so_far: SoFar,
    command: str,
    reservation: Reservation,
    lock_wait: float = 0,
) -> tuple[SoFar, RunOutcome | None]:
    """A later step. Without an outcome where it was done already, by a try whose answer was lost.

    Raises DataopsError (exit 5) where the run cannot go on: another one has taken its place, or what it was built
    from has changed.
    """
    chosen = so_far.facts["options"]
    options = RunOptions(
        layers=tuple(chosen["layers"]),
        select=tuple(chosen["select"]),
        exclude=tuple(chosen["exclude"]),
        variables=chosen["variables"],
        lock_wait=lock_wait,
    )
    with pipeline.hold(command, options, so_far.run_id) as lease:
        published = pipeline.warehouse.published()
        is_published = published is not None and published.run_id == so_far.run_id
        if is_published and step is Step.PUBLISH:
            lease.unreserve()
            return so_far, None
        left = pipeline.warehouse.left_aside()
        if step is not Step.DOCUMENTATION and (left is None or left.run_id != so_far.run_id):
            raise _cannot_go_on(
                f"{so_far.run_id} has been published" if is_published else "another run has taken its place"
            )
        record = pipeline.history.resume(so_far.run_id, so_far.facts)
        return _Step(pipeline, step, options, record, lease, reservation).carry_out(so_far, left)


@dataclass
class _Step:
    pipeline: PipelineRun
    step: Step
    options: RunOptions
    record: RunRecord
    lease: Lease
    reservation: Reservation

    def carry_out(self, so_far: SoFar | None, left: Candidate | None = None) -> tuple[SoFar, RunOutcome]:
        started = time.monotonic()
        execution = self.pipeline.execution(self.record, self.options, self.lease)
        if self.step is Step.DOCUMENTATION:
            # What was a candidate has been published since.
            environment = self.pipeline.warehouse.published_dbt_environment()
            execution.session = replace(execution.session, environment=environment)
        if so_far is not None:
            execution.results = {result.unique_id: result for result in so_far.results}
            execution.timings = dict(self.record.facts.get("timings") or {})
            execution.rows = dict(self.record.facts.get("rows") or {})
        may_pass = False
        try:
            if left is not None:
                execution.candidate = self.pipeline.warehouse.adopt(left, self.record.run_id)
            graph, operations = self.pipeline.observe_and_plan(execution.session, self.options, None)
            if so_far is None:
                replaces = next(item.replaces for item in operations if isinstance(item, Publish))
                self.record.update(fingerprint=execution.session.fingerprint(), in_place_of=replaces)
            elif self.step is not Step.DOCUMENTATION:
                self._require_unchanged(so_far, graph, operations, execution.session.fingerprint())
            execution.carry_out(_part(operations, self.step), graph)
            self._finish(execution)
        except KeyboardInterrupt:
            may_pass = True
            self.record.finish("interrupted")
            raise
        except BaseException as error:
            may_pass = getattr(error, "exit_code", None) in (ExitCode.UNAVAILABLE, ExitCode.LOCKED)
            self.record.finish("failed", reason=str(error))
            raise
        finally:
            execution.session.close()
            self._reserve(execution, may_pass=may_pass)
        outcome = RunOutcome(
            self.record,
            graph,
            [
                result
                for result in execution.results.values()
                if result.unique_id in _nodes_of(operations, self.step)
            ],
            execution.failures,
            execution.rows,
            execution.published,
            round(time.monotonic() - started, 1),
        )
        return self._so_far(execution, graph), outcome

    def _finish(self, execution: Execution) -> None:
        """Write down how far the run has come; between two steps it is running still."""
        facts = {
            "timings": execution.timings,
            "rows": execution.rows,
            "failures": [failure.document() for failure in execution.failures],
        }
        self.record.save_results(execution.results.values())
        if execution.failures:
            self.record.finish("failed", **facts)
        elif self.step in (Step.PUBLISH, Step.DOCUMENTATION):
            self.record.finish("succeeded", seconds=round(sum(execution.timings.values()), 1), **facts)
        else:
            self.record.update(**facts)

    def _reserve(self, execution: Execution, *, may_pass: bool) -> None:
        """The next step, or another try of this one, finds the lock kept for it. Where neither follows, anybody may
        have it."""
        over = self.step in (Step.PUBLISH, Step.DOCUMENTATION) or bool(execution.failures)
        if self.record.facts["status"] in ("failed", "interrupted"):
            over = not may_pass or self.reservation.is_last_try
        try:
            if over:
                self.lease.unreserve()
            else:
                self.lease.reserve(self.record.run_id, self.reservation.seconds)
        except DataopsError as error:  # the lock was lost, which has been said
            self.pipeline.console.warn(error.reason)

    def _require_unchanged(
        self, so_far: SoFar, graph: Graph, operations: Sequence[Operation], fingerprint: str
    ) -> None:
        """What earlier steps built and tested is what the project still says, and nothing is missing."""
        if so_far.facts["fingerprint"] != fingerprint:
            raise _cannot_go_on("variables, settings or macros of the dbt project have changed")
        earlier = _nodes_before(operations, self.step)
        results = {result.unique_id: result for result in so_far.results}
        for unique_id in sorted(earlier):
            name = graph.nodes[unique_id].name
            result = results.get(unique_id)
            if result is None or not result.ok:
                raise _cannot_go_on(f"{name} has not been built and tested")
            if so_far.checksums.get(unique_id) != graph.nodes[unique_id].checksum:
                raise _cannot_go_on(f"{name} has changed since it was built")

    def _so_far(self, execution: Execution, graph: Graph) -> SoFar:
        views = {node.unique_id for node in graph.built() if node.materialization == "view"}
        results = tuple(
            result if result.unique_id in views else replace(result, compiled_sql=None)
            for result in execution.results.values()
        )
        checksums = {
            result.unique_id: graph.nodes[result.unique_id].checksum
            for result in results
            if result.unique_id in graph.nodes
        }
        return SoFar(self.record.run_id, self.record.facts, results, checksums)


def _part(operations: Sequence[Operation], step: Step) -> list[Operation]:
    """The operations of a step."""
    return [operation for operation in operations if _step_of(operation) is step]


def _step_of(operation: Operation) -> Step:
    match operation:
        case StartCandidate() | CheckFreshness():
            return Step.FRESHNESS
        case BuildLayer():
            return Step(operation.layer)
        case Publish() | RemoveGeneration():
            return Step.PUBLISH
        case Document():
            return Step.DOCUMENTATION


def _nodes_of(operations: Sequence[Operation], step: Step) -> Collection[str]:
    return planned_nodes(_part(operations, step))


def _nodes_before(operations: Sequence[Operation], step: Step) -> Collection[str]:
    layers = LAYERS if step is Step.PUBLISH else LAYERS[: LAYERS.index(step)]
    return {node for layer in layers for node in _nodes_of(operations, Step(layer))}


def _cannot_go_on(reason: str) -> DataopsError:
    return DataopsError(
        f"The run cannot go on: {reason}", hint="Start a new one: dataops run", exit_code=ExitCode.REFUSED
    )
