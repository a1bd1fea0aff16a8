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


def done(step: Step | str, what: str) -> str:
    """The line that says that a step is done, and what it has come to, in words."""
    return f"Step {step} is done: {what}"


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
    """For whom and for how many seconds the lock is kept for the next step, and for another try of this one where it
    failed for a cause that may pass. `whose` is the same for all tries of all steps of a run."""

    whose: str
    seconds: float
    is_last_try: bool


def begin(
    pipeline: PipelineRun, options: RunOptions, command: str, reservation: Reservation
) -> tuple[SoFar, RunOutcome]:
    """The first step: start a candidate and check the sources."""
    pipeline.warehouse.require_source()
    with pipeline.hold(command, options, reservation.whose) as lease:
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
    """A later step. Without an outcome where nothing is left to do: a try whose answer was lost has done it, or
    another run has been published before this one's documentation was written.

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
        with_tests=chosen.get("with_tests", True),
    )
    with pipeline.hold(command, options, reservation.whose) as lease:
        pipeline.warehouse.recover()
        found = pipeline.warehouse.published()
        published = found.run_id if found else None
        is_published = published == so_far.run_id
        if is_published and step is Step.PUBLISH:
            lease.unreserve()
            return so_far, None
        if step is Step.DOCUMENTATION:
            if not is_published:  # its documentation would be that of another run's data
                return so_far, None
            record = pipeline.history.resume(so_far.run_id, so_far.facts)
            return _Step(pipeline, step, options, record, lease, reservation).carry_out(so_far)
        if is_published:
            raise _cannot_go_on(f"{so_far.run_id} has been published")
        left = pipeline.warehouse.left_aside()
        if left is None or left.run_id != so_far.run_id:
            raise _cannot_go_on("another run has taken its place")
        if published != so_far.facts["in_place_of"]:
            raise _cannot_go_on("something else has been published since")
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
        self.record.update(reserved_until=None)
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
            may_pass = execution.may_pass
        except BaseException as error:
            may_pass = getattr(error, "exit_code", None) in (ExitCode.UNAVAILABLE, ExitCode.LOCKED)
            status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            if execution.published or self.step is Step.DOCUMENTATION:
                status = "succeeded"  # consumers have it, whatever came after
            self.record.finish(status, reason=str(error) or status)
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
            may_pass=execution.may_pass,
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
        if self.record.facts["status"] == "running":
            over = False
        else:
            over = execution.published or not may_pass or self.reservation.is_last_try
        try:
            if over:
                self.lease.unreserve()
            else:
                self.lease.reserve(self.reservation.whose, self.reservation.seconds)
                self.record.update(reserved_until=time.time() + self.reservation.seconds)
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
