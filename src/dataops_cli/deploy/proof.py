"""Whether an environment is healthy on a release: its containers, Airflow with its DAGs, and the data."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from dataops_cli.airflow import PIPELINE
from dataops_cli.airflow.api import Airflow
from dataops_cli.airflow.place import place_of
from dataops_cli.checks import Result
from dataops_cli.deploy.data import Data
from dataops_cli.deploy.workspace import Workspace
from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError
from dataops_cli.health.check import Subject
from dataops_cli.health.examination import make
from dataops_cli.health.installation import Installation, Wanted
from dataops_cli.health.registry import CHECKS as EVERY
from dataops_cli.stack.observe import observe_containers
from dataops_cli.stack.run_command import running_container

# Those of `dataops health` that a release must pass. SQL Server need not be reachable for who deploys.
NAMES = ("containers", "images", "volumes", "postgres", "redis", "airflow")
CHECKS = [check for check in EVERY if check.name in NAMES]
DAG_PROCESSOR = "airflow-dag-processor"
# Imports the DAGs, and writes what cannot be imported: a list of {filepath, error}.
IMPORT = ["airflow", "dags", "list-import-errors", "--local", "--output", "json"]
# Seconds between two looks.
PAUSE = 2.0


@dataclass(frozen=True)
class Proof:
    """The checks of one release in its environment."""

    engine: Engine
    workspace: Workspace
    data: Data

    def require(self, generation: str | None, report: Callable[[str], None], timeout: float) -> str:
        """Wait until every check passes. `generation` is what consumers must read; None where nothing is published.

        Returns what was checked, in words. Raises DataopsError with what is wrong after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while found := self._faults(generation):
            if time.monotonic() >= deadline:
                raise DataopsError(
                    f"Not healthy: {found[0]}",
                    hint="See all of it, with what to do: dataops health",
                    details=tuple(found) if len(found) > 1 else (),
                )
            report(found[0])
            time.sleep(PAUSE)
        self._require_dags()
        return "containers, Airflow and its DAGs, data"

    def _faults(self, generation: str | None) -> list[str]:
        found = [
            line
            for item in make(self._subject(), CHECKS)
            if item.finding.result is Result.FAIL
            for line in item.finding.found.splitlines()
        ]
        for check in (self._of_pipeline, lambda: self._of_data(generation)):
            if not found:
                try:
                    found = check()
                except DataopsError as error:
                    found = [error.reason]
        return found

    def _subject(self) -> Subject:
        workspace = self.workspace
        wanted = Wanted(workspace.stack, workspace.release, workspace.inputs)
        there = observe_containers(self.engine, workspace.stack.name)
        return Subject(workspace.project, workspace.environment, Installation(self.engine, wanted, there))

    def _of_pipeline(self) -> list[str]:
        """The pipeline's DAG is there. It is paused until the deployment's end."""
        if not any(name.startswith("airflow-") for name in self.workspace.stack.services):
            return []
        Airflow(place_of(self.workspace.environment)).impatient().dag(PIPELINE)
        return []

    def _require_dags(self) -> None:
        """Every DAG file of the release can be imported. They are imported for it: what Airflow has written down may be
        of the release before. Raises DataopsError."""
        there = observe_containers(self.engine, self.workspace.stack.name)
        container = running_container(there, DAG_PROCESSOR, None)
        if container is None:
            return
        code, output = self.engine.exec(container.id, IMPORT, {"PYTHONPATH": "/opt/airflow/dags"})
        lines = output.decode(errors="replace").splitlines()
        errors = json.loads(next((line for line in lines if line.startswith("[")), "[]"))
        if code == 0 and not errors:
            return
        raise DataopsError(
            f"The DAG file {errors[0]['filepath']} cannot be imported"
            if errors
            else f"The DAGs cannot be imported (exit code {code})",
            hint="Mend it, and deploy again.",
            details=tuple(errors[0]["error"].splitlines() if errors else lines[-20:]),
        )

    def _of_data(self, generation: str | None) -> list[str]:
        """What consumers read: the right generation, and rows in it."""
        if generation is None:
            return []
        published = next((item for item in self.data.generations() if item["published"]), None)
        if published is None or published["run_id"] != generation:
            return [f"{published['run_id'] if published else 'nothing'} is published, not {generation}"]
        return [] if any(published["rows"].values()) else ["what is published has no rows"]
