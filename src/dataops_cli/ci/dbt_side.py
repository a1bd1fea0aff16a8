"""One side of the comparison: a commit's files, or the working tree's, in a folder of its own, and its warehouse."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dataops_cli.ci.data_diff import Figures
from dataops_cli.ci.data_diff_reading import figures
from dataops_cli.console import Console
from dataops_cli.dbt.graph import Graph, graph_of
from dataops_cli.dbt.session import DbtSession
from dataops_cli.pipeline.execution import RunOutcome
from dataops_cli.pipeline.options import RunOptions
from dataops_cli.pipeline.run import PipelineRun
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.warehouse.embedded import Candidate, EmbeddedWarehouse

COMMAND = "dataops ci dbt"
# What makes a warehouse: the rest of its folder is caches and records.
_PUBLISHED = ("generations", "warehouse.duckdb", "source.duckdb", "lock.json")


@dataclass
class Side:
    """`platform` holds the files. Everything is built in `platform/.dataops`, on DuckDB, with the settings of
    `environment`; what dbt writes goes to `artifacts`."""

    platform: Path
    environment: Environment
    artifacts: Path
    console: Console

    @cached_property
    def project(self) -> Project:
        return Project(self.platform)

    @cached_property
    def pipeline(self) -> PipelineRun:
        return PipelineRun(self.project, self.environment, self.console)

    @property
    def warehouse(self) -> EmbeddedWarehouse:
        return EmbeddedWarehouse(self.pipeline.home)

    @cached_property
    def session(self) -> DbtSession:
        return self.pipeline.session(self.artifacts, RunOptions())

    def parse(self) -> None:
        """Install the packages and read the project. Raises DataopsError for what dbt cannot read."""
        self.artifacts.mkdir(parents=True, exist_ok=True)
        self.session.install_packages()
        self.session.parse()

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """dbt's manifest, once it is parsed."""
        return dict(json.loads((self.artifacts / "manifest.json").read_text(encoding="utf-8")))

    @cached_property
    def graph(self) -> Graph:
        return graph_of(self.document)

    def give_source(self, source: Path) -> None:
        """Build from this file, which nobody writes to any more."""
        self.pipeline.home.mkdir(parents=True, exist_ok=True)
        os.link(source, self.warehouse.source)

    def begin_with(self, other: Side) -> None:
        """Have published what the other side has: what is the same need not be built again."""
        self.pipeline.home.mkdir(parents=True, exist_ok=True)
        for name in _PUBLISHED:
            there, here = other.pipeline.home / name, self.pipeline.home / name
            if there.is_dir():
                shutil.copytree(there, here)
            elif there.exists() or there.is_symlink():
                shutil.copy2(there, here, follow_symlinks=False)

    def build(self, options: RunOptions) -> RunOutcome:
        """Build, test and publish as `dataops run` does. Raises DataopsError where it cannot begin."""
        outcome = self.pipeline.execute(options, COMMAND)
        shutil.copytree(outcome.record.folder, self.artifacts / "run", dirs_exist_ok=True)
        return outcome

    def has_built(self, outcome: RunOutcome) -> bool:
        """Whether all models of a run are there, also where a test of the last layer has failed."""
        built = {result.unique_id: result.ok for result in outcome.results}
        planned = outcome.record.facts["relations"]
        return outcome.published or all(built.get(key) for key in planned)

    def figures(self) -> Figures:
        """Of the gold tables as they were built."""
        return figures(self.copy("diff"), self.graph.built())

    def copy(self, name: str) -> Candidate:
        """A copy of what was built, to read it with its source, or to test on it. A run whose tests failed has left
        it aside, and not published it."""
        candidate = Candidate(name, self.pipeline.home / name)
        if not candidate.path.exists():
            aside = self.warehouse.left_aside()
            candidate.folder.mkdir()
            shutil.copyfile(aside.path if aside else self.warehouse.link, candidate.path)
            self.warehouse.freeze_source(candidate)
        return candidate
