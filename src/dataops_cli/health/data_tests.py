"""How the last run of the layers ended, and which of its tests failed."""

from __future__ import annotations

from collections.abc import Sequence

from dataops_cli.checks import Finding, Result
from dataops_cli.dbt.results import NodeResult
from dataops_cli.health.check import Subject
from dataops_cli.health.data_findings import counted, with_problems
from dataops_cli.pipeline.history import History, RunRecord


def look(subject: Subject) -> Finding:
    history = History(subject.project.state(subject.environment.name))
    ended = [
        record for record in history.runs() if record.facts["status"] != "running" and not record.is_undone
    ]
    if not ended:
        return Finding(Result.SKIPPED, "no run is on record here", "Begin with: dataops run")
    return judge(ended[0], ended[0].results())


def judge(record: RunRecord, results: Sequence[NodeResult]) -> Finding:
    """Of the last run that has ended. The value is the number of tests and models that failed."""
    run, status = record.run_id, record.facts["status"]
    tests = [result for result in results if result.unique_id.startswith("test.")]
    again = f"What failed: dataops runs show {run}. When it is mended: dataops run --retry"
    problems = [
        f"{item['kind']} {item['name']} failed{_rows(item['failures'])} in {run}"
        for item in record.facts.get("failures") or []
    ]
    if problems:
        return with_problems(problems, "", again)
    if status == "failed":
        return Finding(
            Result.FAIL, f"{run} failed: {record.facts.get('reason', 'no reason is on record')}", again
        )
    if status != "succeeded":
        return Finding(Result.WARN, f"{run} was {status} before it had ended", "Build anew: dataops run")
    warned = [
        f"test {result.unique_id.split('.')[2]} warned{_rows(result.failures)} in {run}"
        for result in tests
        if result.status == "warn"
    ]
    passed = f"{counted(len(tests), 'test')} of {run} passed"
    return with_problems(warned, passed, f"What it found: dataops runs show {run}", result=Result.WARN)


def _rows(failures: int | None) -> str:
    return f" on {counted(failures, 'row')}" if failures else ""
