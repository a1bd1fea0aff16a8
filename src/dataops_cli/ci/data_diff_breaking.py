"""A gold column that goes or changes its type: who reads it must be told, so the change has to say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataops_cli.ci.dbt_faults import Fault
from dataops_cli.ci.dbt_found import DbtCheck
from dataops_cli.ci.dbt_places import Place, Places
from dataops_cli.ci.dbt_side import Side
from dataops_cli.deploy.model_changes import compare_models

SAY_SO = (
    "Keep it, or say so: a ! in the title (feat!: …), a line BREAKING CHANGE: … in the description, "
    "a label with the word breaking, or --allow-breaking"
)


def judge_columns(found: DbtCheck, places: Places, allowed_by: str | None) -> None:
    """Add to what was seen in the tables what the models declare, as a deployment compares it; all of it are faults
    unless something allows it."""
    if found.branch is None or found.before is None:
        return
    declared = compare_models(found.before.document, found.branch.document).breaking
    told = {_subject(line) for line in declared}
    found.breaking = sorted([*declared, *(line for line in found.breaking if _subject(line) not in told)])
    found.allowed_by = allowed_by
    if allowed_by is None:
        found.faults += [
            Fault("breaks who reads gold", line, _place(found.before, found.branch, places, line), SAY_SO)
            for line in found.breaking
        ]


def _place(before: Side, branch: Side, places: Places, line: str) -> Place:
    relation, _, column = _subject(line).partition(": column ")
    if node := _model(branch, relation):
        return places.of_column(node, column)
    node = _model(before, relation)
    return places.of_removed(node) if node else Place()


def _model(side: Side, relation: str) -> Mapping[str, Any] | None:
    for node in side.graph.built():
        if f"{node.layer}.{node.alias}" == relation:
            return dict(side.document["nodes"][node.unique_id])
    return None


def _subject(line: str) -> str:
    """`gold.days: column revenue` of `gold.days: column revenue is removed`."""
    return line.partition(" is ")[0]
