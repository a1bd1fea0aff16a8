"""The record of every run, in `.dataops/<environment>/runs/<run>/`.

run.json         status, options, release, times      results.json     one entry a model and test
manifest.json, run_results-<layer>.json, catalog.json, dbt.log: dbt's own artifacts
compiled/        the SQL of failed tests and models
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dataops_cli.dbt.results import NodeResult
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import explained, read_state, write_state
from dataops_cli.warehouse.lock import is_held

# By whom a deployment has its data built: see deploy/site.py.
OF_A_DEPLOYMENT = re.compile(r"(deploy|rollback) \d+ of ")


@dataclass
class RunRecord:
    """One run. `facts` is what run.json holds; `status` is one of
    running, succeeded, failed, interrupted, killed."""

    folder: Path
    facts: dict[str, Any]

    @property
    def run_id(self) -> str:
        return self.folder.name

    @property
    def is_undone(self) -> bool:
        """Whether it was a deployment's and did not succeed: that deployment tells of it, and has put its data back."""
        return bool(OF_A_DEPLOYMENT.match(self.facts["command"])) and self.facts["status"] != "succeeded"

    def update(self, **facts: Any) -> None:
        self.facts.update(facts)
        write_state(self.folder / "run.json", self.facts)

    def finish(self, status: str, **facts: Any) -> None:
        self.update(status=status, finished_at=now(), **facts)

    def save_results(self, results: Iterable[NodeResult]) -> None:
        write_state(self.folder / "results.json", {"results": [result.document() for result in results]})

    def results(self) -> list[NodeResult]:
        state = read_state(self.folder / "results.json")
        return [NodeResult.from_document(item) for item in state["results"]] if state else []

    def save_compiled(self, name: str, sql: str) -> Path:
        path = self.folder / "compiled" / f"{name}.sql"
        with explained(path):
            path.parent.mkdir(exist_ok=True)
            path.write_text(sql.strip() + "\n", encoding="utf-8")
        return path


@dataclass(frozen=True)
class History:
    """All runs of one environment."""

    home: Path

    @property
    def folder(self) -> Path:
        return self.home / "runs"

    def start(self, run_id: str, facts: Mapping[str, Any]) -> RunRecord:
        record = RunRecord(self.folder / run_id, dict(facts))
        with explained(record.folder):
            record.folder.mkdir(parents=True)
        record.update(status="running", started_at=now())
        return record

    def resume(self, run_id: str, facts: Mapping[str, Any]) -> RunRecord:
        """The record of a run that goes on, perhaps begun on another machine."""
        record = RunRecord(self.folder / run_id, dict(facts))
        with explained(record.folder):
            record.folder.mkdir(parents=True, exist_ok=True)
        record.update(status="running")
        return record

    def runs(self) -> list[RunRecord]:
        """The runs that are kept, the newest first. One that ended without a word is shown as killed."""
        return self._read(one_may_run=is_held(self.home))

    def _read(self, *, one_may_run: bool) -> list[RunRecord]:
        records = []
        for path in self.folder.glob("*/run.json"):
            state = read_state(path)
            if state:
                records.append(RunRecord(path.parent, {k: v for k, v in state.items() if k != "version"}))
        records.sort(key=lambda record: record.facts["number"], reverse=True)
        running = [record for record in records if record.facts["status"] == "running"]
        for record in running[1:] if one_may_run else running:
            # Between two of its steps a run holds no lock.
            if not (record.facts.get("reserved_until") or 0) > time.time():
                record.facts["status"] = "killed"
        return records

    def get(self, run_id: str) -> RunRecord:
        """The run of that id; `last` is the newest. Raises DataopsError when there is none."""
        records = self.runs()
        for record in records:
            if run_id in ("last", record.run_id):
                return record
        newest = ", ".join(record.run_id for record in records[:3]) or "none yet"
        raise DataopsError(
            f"There is no run {run_id}",
            hint=f"The newest: {newest}. All: dataops runs",
            exit_code=ExitCode.USAGE,
        )

    def beyond(self, keep: int, *, spare: str | None = None) -> list[str]:
        """All but the newest `keep` runs and the one to `spare`."""
        return [record.run_id for record in self._read(one_may_run=True)[keep:] if record.run_id != spare]

    def prune(self, keep: int, *, spare: str | None = None) -> None:
        """Write down which runs were killed, and remove all but the newest `keep` and the one to `spare`.

        Wants the lock to be held: then no run is running."""
        doomed = set(self.beyond(keep, spare=spare))
        for record in self._read(one_may_run=False):
            if record.run_id in doomed:
                shutil.rmtree(record.folder, ignore_errors=True)
            elif record.facts["status"] == "killed" and "finished_at" not in record.facts:
                record.finish("killed")


def now() -> str:
    """The time of day, UTC, ISO form. For people: nothing is decided by it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
