"""The gate before a change: the pipeline's DAG is paused, and a run of it that is under way ends or is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from dataops_cli.airflow import PIPELINE
from dataops_cli.airflow.api import Airflow
from dataops_cli.airflow.faults import Missing
from dataops_cli.airflow.model import DagRun
from dataops_cli.errors import DataopsError, ExitCode

UNDER_WAY = ("queued", "running")
# Seconds between two looks at a run.
PAUSE = 2.0


@dataclass(frozen=True)
class Gate:
    """The pipeline's DAG in one Airflow. `report` hears of what is waited for."""

    api: Airflow
    report: Callable[[str], None]

    def is_paused(self) -> bool | None:
        """None where Airflow has no such DAG. Raises DataopsError where it cannot be asked."""
        try:
            return self.api.impatient().dag(PIPELINE).paused
        except Missing:
            return None

    def close(self, *, now: bool, timeout: float) -> str:
        """Wait until no run of the DAG is under way, and pause it; with `now`, stop those. Returns what was done.

        The pause comes last: Airflow begins no task of a paused DAG, so that a run of it does not end. For the same
        reason a run of one that was paused before is not waited for.

        Raises DataopsError (exit 4) where a run goes on for longer than `timeout` seconds.
        """
        if not now and self.api.dag(PIPELINE).paused:
            return "was paused already"
        stopped = 0
        deadline = time.monotonic() + timeout
        while True:
            runs = self._under_way()
            if now or not runs:
                self.api.set_paused(PIPELINE, True)
                runs = self._under_way()
                if not runs:
                    break
                if not now:  # it began just before
                    self.api.set_paused(PIPELINE, False)
            if now:
                for run in runs:
                    self.api.stop(PIPELINE, run.run_id)
                    stopped += 1
            elif time.monotonic() >= deadline:
                raise DataopsError(
                    f"Run {runs[0].run_id} of the pipeline has not ended in {timeout:g} s",
                    hint="Wait longer for it (--run-wait 2h), or stop it: --now",
                    exit_code=ExitCode.LOCKED,
                )
            else:
                self.report(f"waiting for run {runs[0].run_id} of the pipeline")
            time.sleep(PAUSE)
        return f"paused, {stopped} runs stopped" if stopped else "paused, no run under way"

    def _under_way(self) -> list[DagRun]:
        return self.api.runs(PIPELINE, limit=20, states=UNDER_WAY)

    def open(self, *, timeout: float) -> None:
        """Let the DAG's runs go on. Waits until Airflow knows the DAG, as after a start."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.api.set_paused(PIPELINE, False)
                return
            except DataopsError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(PAUSE)
