"""Deployments carried out and told: that they begin, and how they ended, each once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from dataops_cli.deploy.deployment import Change
from dataops_cli.deploy.journal import Deployment, Kind, Outcome, current
from dataops_cli.deploy.putting_right import repair
from dataops_cli.deploy.site import Site
from dataops_cli.errors import DataopsError
from dataops_cli.notifications.addresses import is_configured
from dataops_cli.notifications.events import Event, Facts
from dataops_cli.notifications.telling import tell
from dataops_cli.processes import user_name

SUBJECTS = {Kind.DEPLOY: "deploy of {}", Kind.ROLLBACK: "rollback to {}"}
# What a deployment that came to a good end is.
GOOD_ENDS = {Kind.DEPLOY: Event.DEPLOY_SUCCEEDED, Kind.ROLLBACK: Event.DEPLOY_ROLLED_BACK}


def carry_out_and_tell(site: Site, change: Change) -> Deployment:
    """Carry out a deploy or rollback. Raises what `Change.carry_out` does, after that was told."""
    told = is_configured(site.environment)
    facts = Facts(
        site.name,
        subject=SUBJECTS[change.kind].format(change.workspace.release),
        release=change.workspace.release,
        previous=(current(site.journal.deployments()) or "") if told else "",
        who=user_name(),
        why=change.request.reason,
    )
    begun: list[float] = []

    def begin() -> None:
        begun.append(time.monotonic())
        _tell(site, Event.DEPLOY_STARTED, facts)

    try:
        done = replace(change, begun=begin).carry_out()
    except DataopsError as error:
        if begun:  # else it was refused
            facts = replace(facts, seconds=time.monotonic() - begun[0])
            _tell(site, Event.DEPLOY_FAILED, _failed(facts, error))
        raise
    facts = replace(facts, seconds=time.monotonic() - begun[0])
    _tell(site, GOOD_ENDS[change.kind], facts)
    return done


def repair_and_tell(site: Site, found: Deployment, check: Callable[[], None]) -> None:
    """Put right what a deployment has left. Raises what `repair` does, after that was told."""
    beginning = found.beginning
    subject = SUBJECTS[beginning.kind].format(beginning.release)
    facts = Facts(
        site.name, subject=subject, release=beginning.release, who=user_name(), why=beginning.reason
    )
    try:
        done = repair(site, check)
    except DataopsError as error:
        _tell(site, Event.DEPLOY_FAILED, _failed(facts, error))
        raise
    if done is not None and done.outcome is Outcome.SUCCEEDED:
        _tell(site, GOOD_ENDS[beginning.kind], facts)
    else:
        cause = f"The {subject} was cut off or could not be put back; it is put right now"
        back = replace(facts, release=beginning.previous or "", previous=beginning.release, cause=cause)
        _tell(site, Event.DEPLOY_ROLLED_BACK, back)


def _failed(facts: Facts, error: DataopsError) -> Facts:
    return replace(facts, cause=error.reason, details=error.details, next_step=error.hint)


def _tell(site: Site, event: Event, facts: Facts) -> None:
    tell(site.environment, site.console, event, facts)
