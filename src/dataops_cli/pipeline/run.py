"""Carry out one run: observe, plan, apply. Nothing that consumers read changes before the last step."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from dataops_cli.console import Console
from dataops_cli.dbt.graph import BUILT, Graph, read_graph
from dataops_cli.dbt.session import DbtSession
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.pipeline.execution import Execution, RunOutcome
from dataops_cli.pipeline.history import History, RunRecord
from dataops_cli.pipeline.options import RunOptions
from dataops_cli.pipeline.plan import (
    Observed,
    Operation,
    Publish,
    plan_run,
    planned_nodes,
)
from dataops_cli.project import Project
from dataops_cli.release import release_of
from dataops_cli.settings.layers import nearest
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Runner
from dataops_cli.warehouse.generation import last_of_releases
from dataops_cli.warehouse.interface import Candidate, Lease
from dataops_cli.warehouse.select import open_warehouse

T = TypeVar("T")


class PipelineRun:
    """One run with dbt in this process."""

    def __init__(self, project: Project, environment: Environment, console: Console) -> None:
        settings = environment.settings
        assert settings.dbt.runner is Runner.PROCESS  # noqa: S101 (others are sent to where dbt runs before)
        self.project = project
        self.environment = environment
        self.settings = settings
        self.console = console
        self.home = project.state(environment.name)
        self.warehouse = open_warehouse(settings, self.home, on_retry=console.warn)
        self.history = History(self.home)

    def plan(self, options: RunOptions) -> list[Operation]:
        """What `execute` would do now. Changes nothing but dbt's caches."""
        self.warehouse.require_source()
        left = self.warehouse.left_aside()
        options, before = self._continued(options, left)
        session = self.session(self.home / "plan", options)
        _graph, operations = self.observe_and_plan(session, options, before)
        return operations

    def execute(self, options: RunOptions, command: str) -> RunOutcome:
        """Build, test and publish. Raises DataopsError where there is nothing to show; a failed test or
        model is an outcome that is not `published`."""
        self.warehouse.require_source()
        started = time.monotonic()

        with self.hold(command, options) as lease:
            self.warehouse.recover()
            left = self.warehouse.left_aside()
            self.history.prune(self.settings.runs.keep - 1, spare=left.run_id if left else None)
            options, before = self._continued(options, left)
            record = self.start(lease, options, command, retry_of=before.run_id if before else None)
            return self._carry_out(self.execution(record, options, lease), before, started)

    def hold(
        self, command: str, options: RunOptions, whose: str | None = None
    ) -> AbstractContextManager[Lease]:
        """The warehouse's lock; `whose` tells the run for which it may be reserved."""

        def waiting(holder: str) -> None:
            if options.lock_wait:
                self.console.progress(f"Waiting for {holder}")

        return self.warehouse.hold(command, wait=options.lock_wait, on_wait=waiting, whose=whose)

    def start(
        self, lease: Lease, options: RunOptions, command: str, retry_of: str | None = None
    ) -> RunRecord:
        """The record of a new run."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        return self.history.start(
            f"{stamp}-{lease.number:04d}",
            {
                "number": lease.number,
                "environment": self.environment.name,
                "command": command,
                "release": release_of(self.project.root),
                "retry_of": retry_of,
                "options": options.selection(),
            },
        )

    def execution(self, record: RunRecord, options: RunOptions, lease: Lease) -> Execution:
        return Execution(
            self.project,
            self.environment,
            self.warehouse,
            self.console,
            self.session(record.folder, options),
            options,
            record,
            lease,
        )

    def _carry_out(self, execution: Execution, before: RunRecord | None, started: float) -> RunOutcome:
        record = execution.record
        self.console.progress(f"Run {record.run_id} on {self.environment.name}")
        source_changed = False
        if before is not None:
            left = self.warehouse.left_aside()
            source_changed = left is not None and not self.warehouse.source_is_that_of(left)

        def seconds() -> float:
            return round(time.monotonic() - started, 1)

        try:
            graph, operations = execution.timed(
                "parse", lambda: self.observe_and_plan(execution.session, execution.options, before)
            )
            record.update(
                fingerprint=execution.session.fingerprint(),
                in_place_of=next(item.replaces for item in operations if isinstance(item, Publish)),
                relations=self._relations(graph, operations, before),
            )
            if before is not None:
                # Of what is built again nothing is known from now on: this run may be cut off, too.
                again = planned_nodes(operations)
                kept = [result for result in before.results() if result.unique_id not in again]
                execution.results = {result.unique_id: result for result in kept}
                record.save_results(kept)
            execution.carry_out(operations, graph)
            record.save_results(execution.results.values())
            record.finish(
                "succeeded" if execution.published else "failed",
                seconds=seconds(),
                timings=execution.timings,
                rows=execution.rows,
                failures=[failure.document() for failure in execution.failures],
            )
        except KeyboardInterrupt:
            record.finish("succeeded" if execution.published else "interrupted", seconds=seconds())
            raise execution.interrupted() from None
        except BaseException as error:
            reason = error.reason if isinstance(error, DataopsError) else f"{type(error).__name__}: {error}"
            record.finish("failed", seconds=seconds(), reason=reason)
            raise
        finally:
            execution.session.close()
        return RunOutcome(
            record,
            graph,
            list(execution.results.values()),
            execution.failures,
            execution.rows,
            execution.published,
            seconds(),
            source_changed,
            any(self.warehouse.is_out_of_space(failure.message) for failure in execution.failures),
        )

    def _relations(
        self, graph: Graph, operations: Sequence[Operation], before: RunRecord | None
    ) -> dict[str, str]:
        """What the candidate will hold of this run's making, and of that of the run it continues."""
        planned = planned_nodes(operations)
        ours = {
            node.unique_id: f"{node.schema}.{node.alias}"
            for node in graph.built()
            if node.unique_id in planned
        }
        return (before.facts.get("relations", {}) if before else {}) | ours

    def _done(
        self, session: DbtSession, graph: Graph, selected: Collection[str], before: RunRecord
    ) -> set[str]:
        """What the failed run finished and need not be run again.

        Raises DataopsError (exit 5) where its candidate holds what this run would not test.
        """
        published = self.warehouse.published()
        if "relations" not in before.facts:
            return set()  # it failed before it built anything
        if before.facts["in_place_of"] != (published.run_id if published else None):
            raise _cannot_continue("something else has been published since")
        now = {
            node.unique_id: f"{node.schema}.{node.alias}"
            for node in graph.built()
            if node.unique_id in selected
        }
        gone = [key for key, relation in before.facts["relations"].items() if now.get(key) != relation]
        if gone:
            raise _cannot_continue(f"{gone[0].rsplit('.', 1)[-1]} is no longer what it builds")
        if before.facts["fingerprint"] != session.fingerprint():
            return set()  # variables, settings or macros have changed: anything may be different
        ok = {result.unique_id for result in before.results() if result.ok}
        modified = session.select(("state:modified+",), (), (*BUILT, "test"), state=before.folder)
        return ok - set(modified)

    def _continued(self, options: RunOptions, left: Candidate | None) -> tuple[RunOptions, RunRecord | None]:
        """With --retry, the selection of the run that was left aside, and its record."""
        if not options.retry:
            return options, None
        if left is None:
            raise DataopsError(
                "There is no failed run to retry: nothing was left aside",
                hint="Start a new one with: dataops run",
                exit_code=ExitCode.REFUSED,
            )
        record = self.history.get(left.run_id)
        chosen = record.facts["options"]
        return (
            replace(
                options,
                layers=tuple(chosen["layers"]),
                select=tuple(chosen["select"]),
                exclude=tuple(chosen["exclude"]),
                variables=chosen["variables"],
            ),
            record,
        )

    def session(self, logs: Path, options: RunOptions) -> DbtSession:
        freshness = self.settings.freshness
        return DbtSession(
            project=self.project.dbt,
            target=self.home / "dbt",
            logs=logs,
            environment=self.warehouse.dbt_environment(),
            variables={
                "freshness_warn_after_days": freshness.warn_after_days,
                "freshness_error_after_days": freshness.error_after_days,
                **options.variables,
            },
        )

    def observe_and_plan(
        self, session: DbtSession, options: RunOptions, before: RunRecord | None
    ) -> tuple[Graph, list[Operation]]:
        with self.console.activity("Reading the dbt project"):
            _refuse_unknown_variables(options, session)
            session.install_packages()
            graph = read_graph(session.parse())
            selected = {node.unique_id for node in graph.built()}
            if options.select or options.exclude:
                selected &= set(session.select(options.select, options.exclude, BUILT))
                if not selected:
                    raise _nothing_selected(options, graph)
            if options.layers:
                selected = {key for key in selected if graph.nodes[key].layer in options.layers}
            done = self._done(session, graph, selected, before) if before else None
        published = self.warehouse.published()
        kept = self.warehouse.generations()
        observed = Observed(
            published=published.run_id if published else None,
            relations=frozenset(published.rows) if published else frozenset(),
            generations=tuple(generation.run_id for generation in kept),
            keep_generations=self.settings.warehouse.keep_generations,
            of_releases=last_of_releases(kept, self.settings.deploy.keep_releases),
        )
        return graph, plan_run(graph, selected, observed, done, with_tests=options.with_tests)


def _cannot_continue(reason: str) -> DataopsError:
    return DataopsError(
        f"The failed run cannot be continued: {reason}",
        hint="Start over with: dataops run",
        exit_code=ExitCode.REFUSED,
    )


def _nothing_selected(options: RunOptions, graph: Graph) -> UsageError:
    names = [node.name for node in graph.built()]
    meant = [found for text in options.select if (found := nearest(text.strip("+@"), names))]
    return UsageError(
        "The selection matches no model",
        hint=f"Did you mean {meant[0]}?"
        if meant
        else "List what there is with: dataops dbt ls --resource-type model",
    )


def _refuse_unknown_variables(options: RunOptions, session: DbtSession) -> None:
    """A misspelt variable would build something else than what was asked for."""
    declared = session.declared_variables()
    for name in options.variables:
        if name not in declared:
            meant = nearest(name, declared)
            raise UsageError(
                f"--vars: the dbt project declares no variable {name}",
                hint=f"Did you mean {meant}?"
                if meant
                else "Declare it with its default under vars: in dbt/dbt_project.yml",
            )
