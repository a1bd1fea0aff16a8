"""Where the environment's web pages are."""

from __future__ import annotations

from dataops_cli.airflow.place import url_of
from dataops_cli.facts.model import Facts, had
from dataops_cli.health.cloudbeaver import SERVICE as CLOUDBEAVER
from dataops_cli.health.cloudbeaver import address

AIRFLOW = "airflow-webserver"


def links(facts: Facts) -> dict[str, str]:
    """Name → address, or the command that makes the page. A page of a service that the stack has not is left out."""
    found: dict[str, str] = {}
    settings, installed = facts.environment.settings, had(facts.stack)
    if settings.airflow.url or (installed.has(AIRFLOW) if installed else settings.stack.enabled):
        found["Airflow"] = url_of(facts.environment)
    if installed and installed.has(CLOUDBEAVER):
        ports = installed.wanted.stack.services[CLOUDBEAVER].get("ports", [])
        found |= {"CloudBeaver": "http://{}:{}".format(*address(ports[0]))} if ports else {}
    return found | {"dbt docs": "dataops docs serve", "report": "dataops report --open"}
