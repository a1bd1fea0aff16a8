"""Tests of the code: unit tests of dbt, and data tests that read no table, which `dataops run` leaves out.

They run on a copy of what was built: a unit test reads the columns of the tables that its model reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataops_cli.ci.dbt_faults import Fault
from dataops_cli.ci.dbt_places import Places
from dataops_cli.ci.dbt_side import Side
from dataops_cli.ci.dbt_source_lines import without_number
from dataops_cli.dbt.results import NodeResult
from dataops_cli.dbt.session import write_artifact
from dataops_cli.pipeline.offending import in_words
from dataops_cli.pipeline.options import RunOptions


def run_code_tests(side: Side, state: Path | None, places: Places) -> tuple[list[NodeResult], list[Fault]]:
    """Run them all, or of the unit tests those that differ from the manifest in `state` or whose model does."""
    session = side.pipeline.session(side.artifacts / "code-tests", RunOptions())
    session.environment = side.copy("code-tests").dbt_environment()
    session.manifest = side.session.manifest
    session.logs.mkdir(parents=True, exist_ok=True)
    threads = side.environment.settings.dbt.threads
    try:
        results, artifact = session.unit_tests(threads, state)
        write_artifact(artifact, session.logs / "run_results.json")
        if alone := [node.select for node in side.graph.tests() if not node.parents]:
            more, artifact = session.build(alone, lambda _event: None, threads=threads)
            write_artifact(artifact, session.logs / "run_results-alone.json")
            results += more
    finally:
        session.close()
    return results, _faults(side, results, places)


def _faults(side: Side, results: Sequence[NodeResult], places: Places) -> list[Fault]:
    known = {**side.document["nodes"], **side.document["unit_tests"]}
    return [
        Fault(
            f"{'unit test' if node['resource_type'] == 'unit_test' else 'test'} {node['name']}",
            without_number(in_words(message)),
            places.of_node(node, message, result.compiled_sql),
        )
        for result in results
        if not result.ok
        for node, message in [(known[result.unique_id], (result.message or result.status).strip())]
    ]
