"""What a step of the pipeline returned to Airflow, as lines to show below its task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Rows of a failed test that are shown below a task; the task's log has them all.
ROWS = 5
# What tells a step's result from what tasks of other DAGs return.
KEYS = frozenset({"run_id", "as_of_date", "published", "models", "failures"})


def lines(returned: Any) -> list[str]:
    """A step's models with rows and tests, and the failures with rows; nothing for what no step returned."""
    return list(_lines(returned)) if isinstance(returned, dict) and returned.keys() >= KEYS else []


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    for model in result["models"]:
        verdict = "failed" if model["failed"] else "passed"
        tests = f"{model[verdict]} test{'s' * (model[verdict] != 1)} {verdict}"
        rows = f"{model['rows']:,} rows, " if model["rows"] is not None else ""
        yield f"{model['model']}: {model['status']}, {rows}{tests}, {model['seconds']} s"
    for failure in result["failures"]:
        kind = "" if failure["kind"] == "test" else f"{failure['kind']} "
        yield f"failed {kind}{failure['name']}: {failure['message']}"
        for row in failure["rows"][:ROWS]:
            yield "  " + ", ".join(f"{column}={value}" for column, value in row.items())
    if result["published"]:
        yield f"published {result['run_id']}, data as of {result['as_of_date']}"
