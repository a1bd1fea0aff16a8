"""The way back: whatever a deployment has changed is put back to what was there before. It can be cut off and begun
again at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dataops_cli.deploy import airflow_schema
from dataops_cli.deploy.backup_metadata import SERVICE as POSTGRES
from dataops_cli.deploy.converge import Report, bring_containers, bring_images, bring_service, take_away
from dataops_cli.deploy.data import Data
from dataops_cli.deploy.journal import RESUME, Beginning
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
        try:
            step.detail = _data_back(data, beginning)
        except DataopsError:  # it does not run, or the release in it is not fit for it
            step.detail = "as soon as dbt's container is back"
    if beginning.previous is None and not beginning.had_containers:
        with steps.step("back: containers", "Take the containers away") as step:
            step.detail = _take_away(site, step.report)
        return
    with _before(site, beginning) as before:
        if beginning.backup:
            with steps.step("back: airflow", "Put Airflow's database back") as step:
                bring_service(site.engine, before, POSTGRES, step.report)
                step.detail = airflow_schema.put_back(site, beginning, steps.check, step.report)
        with steps.step("back: containers", "Put the containers back") as step:
            bring_images(site.engine, before, step.report)
            changes = bring_containers(site.engine, before, step.report, steps.check)
            step.detail = f"{changes} changes"
        generation = None
        if beginning.switched_to is not None or beginning.generation is not None:
            with steps.step("back: data", "See that the data are back") as step:
                step.detail = _data_back(data, beginning)
            generation = data.published()
        reopen(site, before, beginning, steps)
        with steps.step("back: health", "Check the health") as step:
            step.detail = Proof(site.engine, before, data).require(generation, step.say, PATIENCE)


def reopen(site: Site, workspace: Workspace, beginning: Beginning, steps: Steps) -> None:
    """Let the pipeline's DAG run again, where it did before the deployment."""
    if beginning.was_paused is not False:
        return
    with steps.step(RESUME, "Resume the pipeline") as step:
        gate = site.gate(workspace.environment, step.say)
        if gate is not None:
            gate.open(timeout=PATIENCE)


def _data_back(data: Data, beginning: Beginning) -> str:
    """Where consumers read what the deployment has published, they read what they did before. What a run has
    published since stays."""
    data.end_what_is_left()
    data.abandon()
    now = next((item for item in data.generations() if item["published"]), None)
    own = now is not None and now["run_id"] in beginning.switches
    # Or what a run in the deployment's containers has published: of that release's code, too.
    of_its_code = now is not None and now["release"] == beginning.release != beginning.previous
    if not own and not of_its_code:
        return "the deployment's own are not published"
    if beginning.generation is None:
        return "nothing was published before"
    data.publish(beginning.generation)
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
