"""The way back: whatever a deployment has changed is put back to what was there before. It can be cut off and begun
again at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dataops_cli.deploy.converge import Report, bring_containers, bring_images, take_away
from dataops_cli.deploy.data import Data
from dataops_cli.deploy.journal import Beginning
from dataops_cli.deploy.progress import Steps
from dataops_cli.deploy.proof import Proof
from dataops_cli.deploy.site import Site
from dataops_cli.deploy.workspace import Workspace
from dataops_cli.errors import DataopsError
from dataops_cli.stack import labels

# Seconds that Airflow may take to know its DAGs again after a start.
PATIENCE = 180.0


def put_back(site: Site, beginning: Beginning, steps: Steps) -> None:
    """Put the environment back to what it was before a deployment, and prove that it is healthy.

    Raises DataopsError where that cannot be done.
    """
    data = Data(site.engine, site.project, site.caller(beginning), beginning.key)
    with steps.step("back: data", "Put the data back") as step:
        step.detail = _data_back(data, beginning, may_wait=True)
    if beginning.previous is None and not beginning.had_containers:
        with steps.step("back: containers", "Take the containers away") as step:
            step.detail = _take_away(site, step.report)
        return
    with _before(site, beginning) as before:
        with steps.step("back: containers", "Put the containers back") as step:
            bring_images(site.engine, before, step.report)
            changes = bring_containers(site.engine, before, step.report, steps.check)
            step.detail = f"{changes} changes"
        if beginning.generation is not None:
            with steps.step("back: data", "See that the data are back") as step:
                step.detail = _data_back(data, beginning, may_wait=False)
        reopen(site, before, beginning, steps)
        with steps.step("back: health", "Check the health") as step:
            step.detail = Proof(site.engine, before, data).require(beginning.generation, step.say, PATIENCE)


def reopen(site: Site, workspace: Workspace, beginning: Beginning, steps: Steps) -> None:
    """Let the pipeline's DAG run again, where it did before the deployment."""
    if beginning.was_paused is not False:
        return
    with steps.step("resume", "Resume the pipeline") as step:
        gate = site.gate(workspace.environment, step.say)
        if gate is not None:
            gate.open(timeout=PATIENCE)


def _data_back(data: Data, beginning: Beginning, *, may_wait: bool) -> str:
    """What consumers read is what they read before. Where dbt's container does not run yet, that `may_wait`."""
    data.end_what_is_left()
    if beginning.generation is None:
        return "nothing was published before"
    try:
        if data.published() == beginning.generation:
            return f"{beginning.generation} is published"
        data.publish(beginning.generation)
    except DataopsError:
        if may_wait:
            return "as soon as dbt's container is back"
        raise
    return f"{beginning.generation} is published again"


@contextmanager
def _before(site: Site, beginning: Beginning) -> Iterator[Workspace]:
    """The release before; where there was none, the stack as `dataops up` had made it."""
    if beginning.previous is None:
        yield site.as_up_makes_it()
    else:
        with site.kept(beginning.previous) as workspace:
            yield workspace


def _take_away(site: Site, report: Report) -> str:
    """An engine that had no containers of the stack has none again. Its volumes stay."""
    networks = {
        item["Name"]: item["Labels"] or {}
        for item in site.engine.networks(f"{labels.PROJECT}={site.project}")
    }
    return f"{take_away(site.engine, site.project, networks, report)} removed, volumes stay"
