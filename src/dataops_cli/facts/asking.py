"""Asking for the data's facts where they are: here, or in dbt's container by one command."""

from __future__ import annotations

import json
from typing import Any

from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.facts.data import Data
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.stack.dbt_container import SERVICE, dbt_container
from dataops_cli.stack.environment import inside

# What the command in the container writes its facts under.
KEY = "data"
# Seconds after which it is ended there, as nobody waits for it any more.
LONGEST = 60
# Warnings go to another stream, which is not to be mixed in.
QUIETLY = ("sh", "-c", 'exec "$@" 2>/dev/null', "sh", "timeout", str(LONGEST))
UPDATE = f"Bring the container up to date: dataops build {SERVICE}; then: dataops up {SERVICE}"


def ask_container(engine: Engine, project: Project, environment: Environment) -> Data:
    """Raises DataopsError (exit 3) where the container does not run, or its dataops cannot tell."""
    container = dbt_container(engine, project, environment)
    code, output = engine.exec(
        container.container.id,
        [*QUIETLY, "dataops", "status", "--json", "--collect"],
        inside(environment),
    )
    return answered(code, output.decode(errors="replace"), other_version=container.other_version)


def answered(code: int, output: str, *, other_version: bool = False) -> Data:
    """The facts that the command in the container wrote. Raises DataopsError for its error, or for none.

    `other_version`: its dataops is not the one that runs here, which may be all that is wrong.
    """
    try:
        document: dict[str, Any] = json.loads(output)
        if KEY in document:
            return Data.from_document(document[KEY])
        told = document["error"]
    except (ValueError, KeyError, TypeError):
        raise DataopsError(
            f"dataops status in dbt's container ended with exit code {code}, and told nothing that is known here",
            hint=UPDATE,
            exit_code=ExitCode.UNAVAILABLE,
        ) from None
    version = "the dataops in dbt's container is another version: " if other_version else ""
    raise DataopsError(
        f"{version}{told['reason']}",
        hint=UPDATE if other_version else told["hint"],
        exit_code=ExitCode.UNAVAILABLE,
        details=tuple(told["details"]),
    )
