"""The data of a deployment, built step by step, and what of the runs is brought to this machine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress

from dataops_cli.deploy.data import Data
from dataops_cli.deploy.progress import Steps
from dataops_cli.deploy.site import Site
from dataops_cli.errors import DataopsError
from dataops_cli.layers import LAYERS
from dataops_cli.stack.dbt_container import dbt_container


def build_data(
    data: Data, steps: Steps, *, test: bool, before_publishing: Callable[[], None] = lambda: None
) -> str:
    """Build all layers aside, test them there and publish them at once. Returns the generation."""
    with closing(data.build(test=test)) as building:
        with steps.step("dbt sources", "Check the sources"):
            next(building)
        for layer in LAYERS:
            with steps.step(f"dbt {layer}", f"Build {'and test ' * test}{layer} aside") as step:
                step.detail = next(building)
    with closing(data.publish_what_was_built()) as publishing:
        with steps.step("publish", "Publish") as step:
            before_publishing()
            next(publishing)
            step.detail = data.built
        with steps.step("documentation", "Write the documentation"):
            next(publishing)
    return data.built


def bring_artifacts(site: Site) -> None:
    """The runs' artifacts from dbt's container, such as the compiled SQL that an error names. None is no failure."""
    with suppress(DataopsError):
        dbt_container(site.engine, site.own, site.environment).bring_runs()
