"""Whether every file of DAGs can be imported."""

from __future__ import annotations

from collections.abc import Sequence

from dataops_cli.airflow.model import DagImportError
from dataops_cli.checks import Finding, Result
from dataops_cli.health.airflow_parts import airflow_of, lacking
from dataops_cli.health.check import Subject


def look(subject: Subject) -> Finding:
    if reason := lacking(subject):
        return Finding(Result.SKIPPED, reason)
    return decide(airflow_of(subject, "airflow-imports").import_errors())


def decide(errors: Sequence[DagImportError]) -> Finding:
    if not errors:
        return Finding(Result.OK, "every file can be imported", "", 0, 0)
    lines = [f"{error.file}: {(error.trace.strip().splitlines() or ['?'])[-1]}" for error in errors]
    return Finding(Result.FAIL, "\n".join(lines), "dataops airflow import-errors", len(errors), 0)
