"""Apply the plan of one run, operation by operation, and keep its record."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from dataops_cli.console import Console
from dataops_cli.dbt.graph import Graph, Node
from dataops_cli.dbt.results import NodeResult
from dataops_cli.dbt.session import DbtSession, write_artifact
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.pipeline.history import RunRecord
from dataops_cli.pipeline.offending import Failure, in_words, visible
from dataops_cli.pipeline.options import RunOptions
from dataops_cli.pipeline.plan import (
    BuildLayer,
    CheckFreshness,
    Document,
    Operation,
    Publish,
    RemoveGeneration,
    Start,
    StartCandidate,
)
from dataops_cli.pipeline.progress import LayerProgress
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.warehouse.generation import Generation
from dataops_cli.warehouse.interface import Candidate, Lease, Relation, Warehouse
from dataops_cli.warehouse.rows import Rows

T = TypeVar("T")

# How often what failed for a passing cause is tried, and the pause (seconds) before the second time, which doubles.
ATTEMPTS, FIRST_PAUSE = 4, 1.0


@dataclass
class RunOutcome:
    """What came of a run, for the table, the JSON document and the exit code."""

    record: RunRecord
    graph: Graph
    results: list[NodeResult]
    failures: list[Failure]
    rows: Mapping[str, int]
    published: bool
    seconds: float
    source_changed: bool = False
    out_of_space: bool = False
    may_pass: bool = False
    """Whether everything that failed did so for a cause that may pass, such as a deadlock."""


@dataclass
class Execution:
    """One run while it goes on. The caller holds the lock and has planned."""

    project: Project
    environment: Environment
    warehouse: Warehouse[Any]
    console: Console
    session: DbtSession
    options: RunOptions
    record: RunRecord
    lease: Lease
    results: dict[str, NodeResult] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.failures: list[Failure] = []
        self.layers_done: list[str] = []
        self.layer: LayerProgress | None = None
        self.layer_name = ""
        self.rows: dict[str, int] = {}
        self.started = False
        self.published = False

    @property
    def may_pass(self) -> bool:
        return bool(self.failures) and all(
            self.warehouse.is_passing(failure.message) for failure in self.failures
        )

    def carry_out(self, operations: Sequence[Operation], graph: Graph) -> None:
        """Apply the operations in order, up to the first layer that fails."""
        for operation in operations:
            self.console.detail(f"→ {operation.describe()}")
            self._apply(operation, graph)
            if self.failures:
                return

    def interrupted(self) -> DataopsError:
        """What to say after Ctrl-C."""
        if self.published:
            return DataopsError(
                f"Interrupted after publishing {self.record.run_id}",
                hint="Nothing is left to do.",
                exit_code=ExitCode.INTERRUPTED,
            )
        if not self.started:
            return DataopsError(
                "Interrupted before anything was built; what is published is as it was",
                hint="Start again with: dataops run",
                exit_code=ExitCode.INTERRUPTED,
            )
        built = (
            f"{', '.join(self.layers_done)} built and tested" if self.layers_done else "no layer was finished"
        )
        if self.layer:
            ended = sum(status in ("success", "pass", "warn") for status in self.layer.finished.values())
            built += f", {self.layer_name} in part ({ended} models and tests)"
        return DataopsError(
            f"Interrupted: {built}; what is published is as it was",
            hint="Continue from there with: dataops run --retry",
            exit_code=ExitCode.INTERRUPTED,
        )

    def _apply(self, operation: Operation, graph: Graph) -> None:
        match operation:
            case StartCandidate():
                self.candidate = self._start(operation)
                self.started = True
            case CheckFreshness():
                self.timed("freshness", self._check_freshness)
            case BuildLayer():
                self.timed(operation.layer, lambda: self._build(operation, graph))
            case Document():
                self.timed("docs", self._document)
            case Publish():
                self.timed("publish", lambda: self._publish(graph))
            case RemoveGeneration():
                try:
                    self.warehouse.remove_generation(operation.run_id)
                except DataopsError as error:  # what counts has been published
                    self.console.warn(f"generation {operation.run_id} was not removed: {error.reason}")

    def _start(self, operation: StartCandidate) -> Candidate:
        warehouse = self.warehouse
        if operation.start is Start.LEFT_ASIDE:
            left = warehouse.left_aside()
            assert left is not None  # noqa: S101 (planned from it, under the same lock)
            adopted: Candidate = warehouse.adopt(left, self.record.run_id)
            return adopted
        candidate: Candidate = warehouse.begin(
            self.record.run_id,
            from_published=operation.start is Start.PUBLISHED,
            afresh=operation.afresh,
            continued=operation.continued,
        )
        return candidate

    def _check_freshness(self) -> None:
        with self.console.activity("Checking the freshness of the sources"):
            results = self.session.freshness(self._threads)
        for result in results:
            status = str(getattr(result.status, "value", result.status))
            name = f"{result.node.source_name}.{result.node.name}"
            age = f"latest {result.max_loaded_at:%Y-%m-%d}" if hasattr(result, "max_loaded_at") else ""
            if status == "pass":
                self.console.progress(f"  fresh   source {name} ({age})")
            elif status == "warn":
                self.console.warn(
                    f"source {name} is stale ({age})", hint=_freshness_hint(self.environment.name)
                )
            else:
                raise DataopsError(
                    f"Source {name} is too old ({age})" if age else f"Source {name}: {result.message}",
                    hint=_freshness_hint(self.environment.name),
                )

    def _build(self, operation: BuildLayer, graph: Graph) -> None:
        nodes = [*operation.models, *operation.tests]
        self.layer_name = operation.layer
        self.lease.check()
        with self.console.activity(operation.layer) as rename:
            self.layer = LayerProgress(operation.layer, len(nodes), graph, self.console, rename)
            results = self._run_dbt(nodes, self.layer)
        self.session.close()
        self.results.update({result.unique_id: result for result in results})
        self.record.save_results(self.results.values())
        planned = {node.unique_id for node in nodes}
        for result in results:
            if result.unique_id not in planned:
                verb = "built more than planned" if result.ok else "could not run a hook"
                raise DataopsError(
                    f"dbt {verb}: {result.unique_id.rsplit('.', 1)[-1]}: {result.message or 'no message'}",
                    hint=f"See {self.session.logs / 'dbt.log'}; nothing was published.",
                )
        missing = planned - {result.unique_id for result in results}
        if missing:
            raise DataopsError(
                f"dbt left out {len(missing)} planned models or tests, such as {graph.nodes[min(missing)].name}",
                hint=f"See {self.session.logs / 'dbt.log'}; nothing was published.",
            )
        self.failures = [
            self._failure(graph.nodes[result.unique_id], result, graph)
            for result in results
            if not result.ok and result.status != "skipped"
        ]
        if not self.failures and any(not result.ok for result in results):
            raise DataopsError(
                f"dbt skipped a part of {operation.layer} without a failure",
                hint=f"See {self.session.logs / 'dbt.log'}; nothing was published.",
            )
        if self.failures:
            self.lease.check()  # whoever holds the warehouse now has made them fail
        else:
            self.layers_done.append(operation.layer)
            self.layer = None

    def _run_dbt(self, nodes: Sequence[Node], progress: LayerProgress) -> list[NodeResult]:
        """Build the nodes; those that failed for a cause that passes, such as a deadlock, once more after a pause,
        with what was skipped for them. A failed test is an answer, and no cause to ask again."""
        found: dict[str, NodeResult] = {}
        waiting, pause = list(nodes), FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            results, artifact = self.session.build(
                [node.select for node in waiting],
                progress,
                threads=self._threads,
                fail_fast=self.options.fail_fast,
            )
            number = f"-{attempt}" if attempt > 1 else ""
            write_artifact(artifact, self.record.folder / f"run_results-{progress.layer}{number}.json")
            found |= {result.unique_id: result for result in results}
            failed = [result for result in found.values() if not result.ok and result.status != "skipped"]
            if not failed or not all(self.warehouse.is_passing(result.message or "") for result in failed):
                break
            waiting = [node for node in nodes if node.unique_id in found and not found[node.unique_id].ok]
            if attempt < ATTEMPTS:
                self.console.warn(f"{failed[0].message}: tried again")
                time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 (not for secrets)
                pause *= 2
        return list(found.values())

    def _failure(self, node: Node, result: NodeResult, graph: Graph) -> Failure:
        compiled, rows = None, None
        if result.compiled_sql:
            path = self.record.save_compiled(node.name, result.compiled_sql)
            compiled = self.project.relative(path)
            if node.kind == "test" and result.status == "fail" and self.environment.settings.runs.sample_rows:
                rows = self._offending_rows(node, result.compiled_sql, graph)
        message = in_words((result.message or "").strip())
        return Failure(node, result.status, message, result.failures, compiled, rows)

    def _offending_rows(self, test: Node, sql: str, graph: Graph) -> Rows | None:
        try:
            found = self.candidate.query(sql, self.environment.settings.runs.sample_rows)
        except DataopsError:  # the report of the failure matters more than its rows
            return None
        return visible(test, found, graph)

    def _document(self) -> None:
        with self.console.activity("Writing the documentation's catalog"):
            try:
                self.session.docs(self.record.folder)
            except DataopsError as error:  # documentation is no reason to withhold tested data
                self.console.warn(f"no catalog for the documentation: {error.reason}")
        self.session.close()

    def _publish(self, graph: Graph) -> None:
        relations = [self._relation(node) for node in graph.ordered()]
        if not all(result.ok for result in self.results.values()):
            raise DataopsError(
                "Something that failed would be published",
                hint="Start over with: dataops run",
                exit_code=ExitCode.REFUSED,
            )
        self.rows = self.warehouse.finish(self.candidate, relations)
        generation = Generation(
            run_id=self.record.run_id,
            number=self.lease.number,
            release=self.record.facts["release"],
            as_of_date=self._as_of_date(graph),
            rows=self.rows,
            built_at=self.record.facts["started_at"],
        )
        try:
            self.warehouse.publish(self.candidate, generation, self.lease, relations)
        except KeyboardInterrupt:
            now = self.warehouse.published()  # it may have come just after the switch
            self.published = now is not None and now.run_id == self.record.run_id
            raise
        self.published = True
        self.record.update(as_of_date=generation.as_of_date)

    def _relation(self, node: Node) -> Relation:
        result = self.results.get(node.unique_id)
        return Relation(
            model=node.name,
            schema=node.schema,
            alias=node.alias,
            is_view=node.materialization == "view",
            rebuilt=result is not None,
            definition=result.compiled_sql if result and node.materialization == "view" else None,
        )

    def _exists(self, node: Node) -> bool:
        before = self.warehouse.published()
        ok = node.unique_id in self.results and self.results[node.unique_id].ok
        return ok or (before is not None and node.name in before.rows)

    def _as_of_date(self, graph: Graph) -> str | None:
        """The variable, else the latest date in the column that a model's meta names as `as_of_date`."""
        if given := self.options.variables.get("as_of_date"):
            return str(given)
        for node in graph.built():
            if node.as_of_column and self._exists(node):
                sql = f'select max("{node.as_of_column}") from "{node.schema}"."{node.alias}"'  # noqa: S608
                latest = self.candidate.query(sql, 1).rows[0][0]
                return latest.isoformat() if isinstance(latest, date) else None
        return None

    @property
    def _threads(self) -> int:
        return self.environment.settings.dbt.threads

    def timed(self, name: str, action: Callable[[], T]) -> T:
        started = time.monotonic()
        try:
            return action()
        finally:
            self.timings[name] = round(time.monotonic() - started, 3)


def _freshness_hint(environment: str) -> str:
    return f"Load newer data, or change [freshness] in environments/{environment}.toml"
