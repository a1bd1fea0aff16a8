"""What a change asks to be built and tested: what differs from the base, and what reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dataops_cli.ci.dbt_side import Side
from dataops_cli.dbt.graph import BUILT
from dataops_cli.deploy.model_changes import compare_models

# They decide on every model, and dbt's `state:modified` does not look at all that is in them.
OF_ALL = tuple(
    f"dbt/{name}"
    for name in ("dbt_project.yml", "profiles.yml", "packages.yml", "dependencies.yml", "package-lock.yml")
)
# By which versions, and by which settings, all of it is built.
OF_THE_PLATFORM = (
    "requirements/run.txt",
    "requirements/dataops.txt",
    "dbt/requirements.txt",
    "environments/base.toml",
)

# On a copy of the base they would add to its rows, and not be built by the change.
STATEFUL = ("incremental", "snapshot")


@dataclass(frozen=True)
class Selection:
    """Unique ids of models. `modified` differ from the base; `downstream` read them; `tested` are as they were, and
    are built again for a test that differs. `everything` where all is built, for the `cause`."""

    everything: bool
    cause: str
    modified: frozenset[str]
    downstream: frozenset[str]
    tested: frozenset[str] = frozenset()

    @property
    def models(self) -> frozenset[str]:
        return self.modified | self.downstream | self.tested


def all_models(side: Side, cause: str) -> Selection:
    built = frozenset(node.unique_id for node in side.graph.built())
    return Selection(True, cause, built, frozenset())


def modified_models(branch: Side, base: Side) -> Selection:
    """By dbt's `state:modified`, against the base's manifest for the same target."""
    if cause := concerns_all(branch, base):
        return all_models(branch, cause)
    session, state = branch.session, base.artifacts
    differing = session.select(("state:modified",), (), (*BUILT, "test", "unit_test"), state=state)
    reached = frozenset(session.select(("state:modified+",), (), BUILT, state=state))
    built = {node.unique_id for node in branch.graph.built()}
    modified = frozenset(differing) & reached
    tested = {model for test in set(differing) - built for model in _read_by(test, branch)}
    for node in branch.graph.built():
        if node.unique_id in reached | tested and node.materialization in STATEFUL:
            return all_models(branch, f"{node.layer}.{node.name} would go on from the base's rows")
    return Selection(
        everything=False,
        cause="state:modified+",
        modified=modified,
        downstream=reached - modified,
        tested=frozenset(tested & built - reached),
    )


def _read_by(test: str, side: Side) -> set[str]:
    """The models whose building makes the test run: those that it reads, or that read the sources it reads."""
    if test in side.document["unit_tests"]:
        return set(side.document["unit_tests"][test]["depends_on"]["nodes"])
    graph = side.graph
    if test not in graph.nodes:
        return set()
    parents = set(graph.nodes[test].parents)
    return parents & graph.nodes.keys() or {
        node.unique_id for node in graph.built() if parents & set(node.parents)
    }


def concerns_all(branch: Side, base: Side) -> str | None:
    """Why every model is to be built, whatever dbt takes for modified."""
    for name in (*OF_ALL, *OF_THE_PLATFORM, f"environments/{branch.environment.name}.toml"):
        if _bytes(branch.platform / name) != _bytes(base.platform / name):
            return f"{name} differs from the base"
    causes = compare_models(base.document, branch.document).every_model
    return causes[0] if causes else None


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
