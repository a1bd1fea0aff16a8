"""What a check found as one document: for --json, for the table and for the Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dataops_cli.ci.dbt_found import DbtCheck
from dataops_cli.dbt.graph import Node
from dataops_cli.deploy.model_changes import ChangedModel, ModelChanges, compare_models


def document(found: DbtCheck, run: Mapping[str, Any] | None) -> dict[str, Any]:
    """`run` is the document of the run (models and tests), where anything was built."""
    commit = found.base.commit
    units = found.code_tests
    return {
        "ok": found.ok,
        "head": found.head,
        "base": {"commit": commit.sha if commit else None, "is": found.base.told},
        "changes": _changes(found),
        "selection": _selection(found),
        "compiled": [
            {"engine": item.engine.value, "statements": item.statements, "asking": list(item.asking)}
            for item in found.compiled
        ],
        "models": run["models"] if run else [],
        "tests": run["tests"] if run else {"run": 0, "passed": 0},
        "code_tests": {"run": len(units), "passed": sum(item.ok for item in units)}
        if units is not None
        else None,
        "data_diff": [item.document() for item in found.diff] if found.diff is not None else None,
        "breaking": list(found.breaking),
        "allowed_by": found.allowed_by,
        "sqlserver": {"ran": found.sqlserver.ran, "is": found.sqlserver.told},
        "faults": [fault.document() for fault in found.faults],
        "notes": [{"text": note.text, "remedy": note.remedy} for note in found.notes],
        "timings": dict(found.timings),
        "artifacts": str(found.artifacts),
    }


def _selection(found: DbtCheck) -> dict[str, Any] | None:
    if found.selection is None or found.branch is None:
        return None
    nodes = [node for node in found.branch.graph.built() if node.unique_id in found.selection.models]
    return {
        "everything": found.selection.everything,
        "cause": found.selection.cause,
        "models": [_name(node) for node in nodes],
    }


def _name(node: Node) -> str:
    return f"{node.layer}.{node.name}"


def _changes(found: DbtCheck) -> dict[str, Any] | None:
    """By the comparison that a deployment's plan shows, against the base; None without one."""
    if found.branch is None or found.before is None:
        return None
    changes: ModelChanges = compare_models(found.before.document, found.branch.document)
    return {
        "added": list(changes.added),
        "removed": list(changes.removed),
        "changed": _with_causes(changes.changed),
        "downstream": _with_causes(changes.downstream),
        "every_model": list(changes.every_model),
        "tests_added": list(changes.tests_added),
        "tests_removed": list(changes.tests_removed),
        "tests_changed": list(changes.tests_changed),
    }


def _with_causes(models: Iterable[ChangedModel]) -> Sequence[Mapping[str, Any]]:
    return [{"model": item.name, "causes": list(item.causes)} for item in models]
