"""Health checks of what deployments have recorded: the release in force, and the last backup."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from dataops_cli.checks import Finding, Result
from dataops_cli.console import Console
from dataops_cli.deploy.backup import Backup, backups
from dataops_cli.deploy.journal import Deployment, Journal, Outcome, current, explain, to_put_right
from dataops_cli.deploy.site import Site
from dataops_cli.docker_api import Engine
from dataops_cli.health.check import Check, Layer, Need, Subject
from dataops_cli.health.installation import Installation, Wanted, wanted_of
from dataops_cli.settings.certificates import is_development
from dataops_cli.stack.lock import held_by
from dataops_cli.stack.lock_holder import Liveness
from dataops_cli.stack.observe import image_of
from dataops_cli.stack.state import state_of

LATE = "See whether the engine answers: docker info"
# Days since the last backup of an environment that is none of development.
OLD = 8.0


def wanted_in_force(
    subject: Subject, console: Console, overrides: Mapping[str, tuple[str, Any]]
) -> Callable[[Engine], Wanted]:
    """What says what the stack is to be: the release in force, or the files here where there is none."""

    def wanted(engine: Engine) -> Wanted:
        site = Site(engine, subject.project, subject.environment, console, overrides)
        with site.in_force() as workspace:
            return wanted_of(workspace.environment, workspace.stack, workspace.inputs, workspace.release)

    return wanted


def look(subject: Subject) -> Finding:
    installed = subject.installed
    deployments = Journal(state_of(installed.engine, subject.environment)).deployments()
    holder = held_by(installed.engine, installed.wanted.stack.name)
    return decide(
        deployments, installed, being_changed=holder is not None and holder.liveness is Liveness.ALIVE
    )


def decide(deployments: Sequence[Deployment], installed: Installation, *, being_changed: bool) -> Finding:
    """Whether what runs is what was deployed. `being_changed`: somebody holds the lock of the stack."""
    if not deployments:
        return Finding(Result.SKIPPED, "nothing has been deployed")
    if found := to_put_right(deployments):
        if being_changed:
            return Finding(Result.WARN, f"a {found.beginning.kind} goes on", "dataops lock status")
        return Finding(Result.FAIL, explain(found), "dataops repair")
    release = current(deployments)
    if release is None:
        return Finding(Result.SKIPPED, "no deployment has succeeded")
    others = running_others(installed)
    if others:
        lines = [f"{name} runs {image}, and {release} is in force" for name, image in others.items()]
        return Finding(Result.FAIL, "\n".join(lines), "See what differs: dataops up --plan", len(others), 0)
    ended = next(item.ended_at for item in deployments if item.outcome is Outcome.SUCCEEDED)
    return Finding(Result.OK, f"{release}, since {ended}", "", 0, 0)


def running_others(installed: Installation) -> dict[str, str]:
    """The containers of images of the platform's own whose image is of another name than the release in force has:
    container → image."""
    stack = installed.wanted.stack
    return {
        item.name: item.image
        for name, service in stack.services.items()
        if "build" in service
        for item in installed.of(name)
        if item.image != image_of(stack, name)
    }


def look_at_backup(subject: Subject) -> Finding:
    there = backups(state_of(subject.installed.engine, subject.environment))
    return decide_on_backup(there, datetime.now(UTC), development=is_development(subject.environment.name))


def decide_on_backup(there: Sequence[Backup], now: datetime, *, development: bool) -> Finding:
    """`there` are the backups, the newest first."""
    if not there:
        if development:
            return Finding(Result.SKIPPED, "there is none, and development needs none")
        return Finding(Result.WARN, "there is none", "dataops backup create", None, OLD)
    days = round((now - datetime.fromisoformat(there[0].made_at)).total_seconds() / 86400, 1)
    found = f"{there[0].id} is {days:g} days old"
    if days > OLD and not development:
        return Finding(Result.WARN, found, "dataops backup create", days, OLD)
    return Finding(Result.OK, found, "", days, OLD)


CHECKS = (
    Check("backup", Layer.RELEASE, look_at_backup, LATE, needs=Need.STACK),
    Check("release", Layer.RELEASE, look, LATE, needs=Need.STACK),
)
