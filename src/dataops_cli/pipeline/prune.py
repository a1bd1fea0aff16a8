"""What is kept no longer: records of runs, and generations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dataops_cli.console import Console
from dataops_cli.pipeline.history import History
from dataops_cli.pipeline.plan import generations_to_remove
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.warehouse.generation import last_of_releases
from dataops_cli.warehouse.select import open_warehouse


@dataclass(frozen=True)
class Doomed:
    runs: tuple[str, ...]
    generations: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        return {"runs": list(self.runs), "generations": list(self.generations)}

    def lines(self) -> list[str]:
        lines = [f"remove the record of run {run_id}" for run_id in self.runs]
        lines += [f"remove generation {run_id}" for run_id in self.generations]
        return lines or ["Nothing is kept that need not be."]


class Prune:
    def __init__(self, project: Project, environment: Environment, console: Console) -> None:
        home = project.state(environment.name)
        self.settings = environment.settings
        self.warehouse = open_warehouse(self.settings, home, on_retry=console.warn)
        self.history = History(home)

    def plan(self) -> Doomed:
        left = self.warehouse.left_aside()
        published = self.warehouse.published()
        kept = self.warehouse.generations()
        spared = last_of_releases(kept, self.settings.deploy.keep_releases)
        return Doomed(
            tuple(self.history.beyond(self.settings.runs.keep, spare=left.run_id if left else None)),
            generations_to_remove(
                tuple(item.run_id for item in kept),
                spared | ({published.run_id} if published else set()),
                self.settings.warehouse.keep_generations,
            ),
        )

    def carry_out(self, command: str, wait: float) -> Doomed:
        """Raises DataopsError (exit 4) while a run goes on."""
        with self.warehouse.hold(command, wait=wait):
            self.warehouse.recover()
            doomed = self.plan()
            left = self.warehouse.left_aside()
            self.history.prune(self.settings.runs.keep, spare=left.run_id if left else None)
            for run_id in doomed.generations:
                self.warehouse.remove_generation(run_id)
        return doomed
