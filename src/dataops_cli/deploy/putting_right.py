"""What a deployment has left that was cut off, or that could not be put back: told, and put right."""

from __future__ import annotations

from collections.abc import Callable

from dataops_cli.deploy.converge import bring_containers
from dataops_cli.deploy.data import Data
from dataops_cli.deploy.failure import broken
from dataops_cli.deploy.journal import Beginning, Deployment, Outcome, to_put_right
from dataops_cli.deploy.progress import Steps
from dataops_cli.deploy.proof import Proof
from dataops_cli.deploy.site import Site
from dataops_cli.deploy.way_back import PATIENCE, put_back
from dataops_cli.errors import DataopsError


def repair(site: Site, check: Callable[[], None]) -> Deployment | None:
    """Put right what a deployment that was cut off, or could not be put back, has left: the environment ends on the
    release before it; or on the new one, where all had been done but to write down its end. None where nothing is to be
    put right.

    Raises DataopsError (exit 1) where that cannot be done.
    """
    found = to_put_right(site.journal.deployments())
    if found is None:
        return None
    beginning = found.beginning
    if found.lacks_its_end_only and _is_in_force(site, beginning, check):
        site.journal.end(beginning, Outcome.SUCCEEDED, generation=beginning.switched_to)
        return site.journal.deployments()[0]
    steps = Steps(site.console, site.journal, beginning, check, first=len(found.steps))
    try:
        put_back(site, beginning, steps)
    except DataopsError as fault:
        check()  # where it is lost, whoever has it now puts things right
        what = (
            f"{beginning.kind.capitalize()} {beginning.number} of {beginning.release} could not be put back"
        )
        raise broken(site, beginning, f"{what}: {fault.reason}", fault) from fault
    site.journal.end(beginning, Outcome.UNDONE, found.message or "it was cut off")
    return site.journal.deployments()[0]


def _is_in_force(site: Site, beginning: Beginning, check: Callable[[], None]) -> bool:
    """Whether the environment is on the release of a deployment that lacks its end only, and healthy."""
    data = Data(site.engine, site.project, site.caller(beginning), beginning.key)
    try:
        with site.kept(beginning.release) as workspace:
            bring_containers(site.engine, workspace, lambda _subject, _text: None, check)
            Proof(site.engine, workspace, data).require(beginning.switched_to, lambda _text: None, PATIENCE)
    except DataopsError as error:
        check()  # where it is lost, whoever has it now puts things right
        site.console.warn(f"{beginning.release} was complete, and is not healthy now: {error.reason}")
        return False
    return True
