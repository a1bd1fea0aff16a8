"""`dataops ci dbt`: what a change does to the models, tried on sample data beside the commit it is compared with.

The files are exported, of the commit from git's objects, of the change as they lie in the working tree; everything is
built below a folder that is removed. Both sides have DuckDB, the same settings and the same source.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataops_cli.ci.data_diff import breaking, compare
from dataops_cli.ci.data_diff_breaking import judge_columns
from dataops_cli.ci.dbt_base import find_base, find_head
from dataops_cli.ci.dbt_code_tests import run_code_tests
from dataops_cli.ci.dbt_compiling import compile_for, fault_of
from dataops_cli.ci.dbt_faults import Fault
from dataops_cli.ci.dbt_found import DbtCheck, Note
from dataops_cli.ci.dbt_places import Places
from dataops_cli.ci.dbt_selection import Selection, all_models, modified_models
from dataops_cli.ci.dbt_side import COMMAND, Side
from dataops_cli.ci.dbt_source_lines import without_number
from dataops_cli.ci.dbt_sqlserver import run_tests, would_run
from dataops_cli.ci.pull_request import PullRequest
from dataops_cli.ci.repository import Repository
from dataops_cli.console import Console
from dataops_cli.deploy.commit import export, export_working_tree
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.pipeline.options import RunOptions
from dataops_cli.project import Project
from dataops_cli.settings.load import load_environment
from dataops_cli.settings.model import Engine
from dataops_cli.source.generate import generate

# Of the size of AdventureWorks: enough that every data test has rows to look at (a tenth: 12,132 order lines).
SCALE, SEED = 0.1, 1
# Whatever the environment says: where it is built, and that generated data, which end in 2014, are fresh.
_SETTINGS: Mapping[str, Any] = {
    "warehouse.engine": "duckdb",
    "dbt.runner": "process",
    "freshness.warn_after_days": 36500,
    "freshness.error_after_days": 36500,
}


@dataclass(frozen=True)
class CheckOptions:
    """`base` is what was asked to compare with, `allow_breaking` whether gold may lose columns."""

    environment: str
    artifacts: Path
    base: str | None = None
    full: bool = False
    allow_breaking: bool = False


class Checking:
    """One check while it goes on."""

    def __init__(
        self, project: Project, options: CheckOptions, pull_request: PullRequest | None, console: Console
    ) -> None:
        self.root = project.root
        self.options = options
        self.pull_request = pull_request
        self.console = console
        self.prefix = Repository(project.root).prefix
        base, head = find_base(self.root, options.base, pull_request), find_head(self.root, pull_request)
        self.found = DbtCheck(options.artifacts, base, head)

    def plan(self) -> DbtCheck:
        """What would be built and tested. Reads both sides and builds nothing."""
        with self._folder() as work:
            self._read(work, work / "artifacts")
        self.found.sqlserver = would_run(self.root)
        return self.found

    def carry_out(self) -> DbtCheck:
        """Do all of it, in a folder for artifacts that is claimed. What fails is in `faults`; DataopsError is raised for
        what keeps the check from being made."""
        found, artifacts = self.found, self.options.artifacts
        with self._folder() as work:
            branch = self._read(work, artifacts)
            if branch is None:
                return found
            for engine in (Engine.DUCKDB, Engine.SQLSERVER):
                with self._step(f"compile for {engine}"):
                    found.compiled.append(compile_for(branch, engine, work, self.places))
            found.faults += [fault for compiled in found.compiled for fault in compiled.faults]
            compiles = not found.faults
            if compiles:
                self._build(branch, work)
            said = self.pull_request.says_it_breaks() if self.pull_request else None
            judge_columns(found, self.places, "--allow-breaking" if self.options.allow_breaking else said)
        if compiles:
            with self._step("SQL Server"):
                found.sqlserver = run_tests(self.root, self.prefix, artifacts)
            found.faults += found.sqlserver.faults
        return found

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="dataops-ci-") as name:
            work = Path(name).resolve()
            try:
                yield work
            finally:
                for side in (self.found.branch, self.found.before):
                    if side is not None:
                        side.session.close()

    @contextmanager
    def _step(self, name: str, *, shown: bool = True) -> Iterator[None]:
        """Time it, and show it as going on unless it does so itself."""
        started = time.monotonic()
        try:
            with self.console.activity(name) if shown else nullcontext():
                yield
        finally:
            self.found.timings[name] = round(time.monotonic() - started, 1)

    # -- reading both sides

    def _read(self, work: Path, artifacts: Path) -> Side | None:
        """Export and parse both, and choose what to build. None where dbt cannot read the change."""
        found = self.found
        with self._step("read the change"):
            export_working_tree(self.root, work / "branch")
            settings = {key: (COMMAND, value) for key, value in _SETTINGS.items()}
            environment = load_environment(Project(work / "branch"), self.options.environment, settings)
            branch = Side(work / "branch", environment, artifacts, self.console)
            self.places = Places(branch.project.dbt, f"{self.prefix}dbt")
            try:
                branch.parse()
                _ = branch.graph
            except DataopsError as error:
                if error.exit_code == ExitCode.UNAVAILABLE:
                    raise
                found.faults.append(fault_of(error, self.places, "parse"))
                return None
            found.branch = branch
        if found.base.commit is not None:
            with self._step("read the base"):
                found.before = self._read_base(work, branch)
        else:
            found.notes.append(Note(f"Everything is built: {found.base.told}", found.base.remedy))
        found.selection = self._selection(branch)
        return branch

    def _read_base(self, work: Path, branch: Side) -> Side | None:
        assert self.found.base.commit is not None  # noqa: S101 (the caller has looked)
        try:
            export(self.root, self.found.base.commit, work / "base")
            # With the branch's settings: only the models are to differ.
            base = Side(work / "base", branch.environment, branch.artifacts / "base", Console(quiet=True))
            base.parse()
            _ = base.graph
        except DataopsError as error:
            if error.exit_code == ExitCode.UNAVAILABLE:
                raise
            why = " ".join((error.reason, *error.details[:1]))
            self.found.notes.append(Note(f"Everything is built: the base cannot be read here: {why}"))
            return None
        return base

    def _selection(self, branch: Side) -> Selection:
        if self.options.full:
            return all_models(branch, "--full")
        if self.found.before is None:
            return all_models(branch, "there is nothing to compare with")
        return modified_models(branch, self.found.before)

    # -- building

    def _build(self, branch: Side, work: Path) -> None:
        found, selection = self.found, self.found.selection
        assert selection is not None  # noqa: S101 (made when the change was read)
        if not selection.models:
            found.notes.append(Note("No model and no test differs from the base: nothing is built"))
            return
        with self._step("generate sample data"):
            source = work / "source.duckdb"
            generate(source, SCALE, SEED, self.console.detail)
        before = self._build_base(source)
        if before is None and not selection.everything:
            selection = found.selection = all_models(branch, "the base cannot be built")
        if before is None or selection.everything:
            options = RunOptions()
            branch.give_source(source)
        else:
            options = RunOptions(select=_selectors(branch, selection))
            branch.begin_with(before)
        if not self._build_branch(branch, options):
            left_out = "tests of the code" + (", data diff" if before else "")
            found.notes.append(Note(f"Not made, since not every model was built: {left_out}"))
            return
        with self._step("tests of the code"):
            self._test_code(branch)
        if before is not None:
            with self._step("data diff"):
                self._compare(before, branch)

    def _build_base(self, source: Path) -> Side | None:
        """The base with all its models, without its tests; None where there is none or it cannot be built."""
        before = self.found.before
        if before is None:
            return None
        with self._step("build the base"):
            before.give_source(source)
            try:
                outcome = before.build(RunOptions(with_tests=False))
            except DataopsError as error:
                self.found.notes.append(Note(f"No data diff: the base cannot be built: {error.reason}"))
                return None
        if not outcome.published:
            failed = ", ".join(failure.node.name for failure in outcome.failures)
            self.found.notes.append(Note(f"No data diff: the base cannot be built: {failed}"))
            return None
        return before

    def _build_branch(self, branch: Side, options: RunOptions) -> bool:
        with self._step("build and test", shown=False):
            self.found.run = branch.build(options)
        compiled = {result.unique_id: result.compiled_sql for result in self.found.run.results}
        for failure in self.found.run.failures:
            key, message = failure.node.unique_id, failure.message
            place = self.places.of_node(branch.document["nodes"][key], message, compiled.get(key))
            what = f"{failure.node.kind} {failure.node.name}"
            self.found.faults.append(Fault(what, without_number(message), place, rows=failure.rows))
        return branch.has_built(self.found.run)

    def _test_code(self, branch: Side) -> None:
        found = self.found
        assert found.selection is not None  # noqa: S101 (made when the change was read)
        state = found.before.artifacts if found.before and not found.selection.everything else None
        found.code_tests, faults = run_code_tests(branch, state, self.places)
        found.faults += faults

    def _compare(self, before: Side, branch: Side) -> None:
        figures = before.figures(), branch.figures()
        self.found.diff = compare(*figures)
        self.found.breaking = breaking(*figures)


def _selectors(side: Side, selection: Selection) -> tuple[str, ...]:
    return tuple(side.graph.nodes[key].select for key in sorted(selection.models))
