"""Whether what is there is what `dataops up` would make."""

from __future__ import annotations

from collections.abc import Sequence

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.stack.observe import observe
from dataops_cli.stack.reconcile import Action, Operation, orphans, plan_up

LATE = "See whether the engine answers: docker info"
# What is missing or stopped is told by other checks.
DIFFERENCES = (Action.BUILD, Action.RECREATE, Action.RENAME)


def look(subject: Subject) -> Finding:
    """Raises DataopsError where `up` would refuse."""
    installed = subject.installed
    wanted = installed.wanted
    if wanted.missing:
        return Finding(Result.SKIPPED, "secrets have no value")
    if not installed.containers:
        return Finding(Result.SKIPPED, "no container is there")
    seen = observe(installed.engine, wanted.stack)
    plan = plan_up(wanted.stack, seen, secrets=wanted.fingerprints, inputs=wanted.inputs)
    return decide(plan, [item.name for item in orphans(wanted.stack, seen)], wanted.release)


def decide(plan: Sequence[Operation], left: Sequence[str], release: str) -> Finding:
    """For what `up` would do. `left` are containers of services that are gone. Without a release the files here are
    worked on, and differ from what runs for a while."""
    lines = [str(item) for item in plan if item.action in DIFFERENCES]
    lines += [f"{name}: its service is no longer in the files" for name in left]
    if not lines:
        return Finding(Result.OK, f"as {release or 'the files'} would have it", "", 0, 0)
    remedy = "See what would change: dataops up --plan" + (
        "\nRemove them: dataops up --remove-orphans" * bool(left)
    )
    return Finding(Result.FAIL if release else Result.WARN, "\n".join(lines), remedy, len(lines), 0)
