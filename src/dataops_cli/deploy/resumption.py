"""Whether a deployment that was cut off is gone on with, or put right before anything else."""

from __future__ import annotations

from dataops_cli.deploy.conditions import require_same_secrets
from dataops_cli.deploy.journal import BACK, Deployment, Kind
from dataops_cli.deploy.site import Site
from dataops_cli.errors import DataopsError


def can_go_on(site: Site, found: Deployment, kind: Kind, release: str, *, test: bool = True) -> bool:
    """Whether the deployment asked for is the one that was cut off, and nothing stands against going on where it
    stopped: it was not on its way back, and not about to change the schema of Airflow's database."""
    beginning = found.beginning
    done = {step.name for step in found.steps if step.ok}
    return (
        found.outcome is None
        and not found.lacks_its_end_only
        and (beginning.kind, beginning.release, beginning.tested) == (kind, release, test)
        and not any(step.name.startswith(BACK) for step in found.steps)
        and (beginning.backup is None or "airflow" in done)
        and _has_its_secrets(site)
    )


def _has_its_secrets(site: Site) -> bool:
    try:
        require_same_secrets(site)
    except DataopsError:
        return False
    return True
