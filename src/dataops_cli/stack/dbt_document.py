"""What a `dataops` command in dbt's container says, as a JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.stack.dbt_container import SERVICE, dbt_container
from dataops_cli.stack.environment import for_a_command

# Seconds after which the command is ended in the container: whoever waits for it has long gone.
LONGEST = 60
# Warnings go to another stream, which is not to be mixed in.
QUIETLY = ("sh", "-c", 'exec "$@" 2>/dev/null', "sh", "timeout", str(LONGEST))
UPDATE = f"Bring the container up to date: dataops build {SERVICE}; then: dataops up {SERVICE}"


def ask_dbt_container(
    engine: Engine,
    project: Project,
    environment: Environment,
    arguments: Sequence[str],
    key: str,
    variables: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The document of `dataops ARGUMENTS --json`, which has the `key`.

    Raises DataopsError where the container does not run (exit 3), for the command's own error, and for an answer
    without the key.
    """
    container = dbt_container(engine, project, environment)
    code, output = engine.exec(
        container.container.id,
        [*QUIETLY, "dataops", *arguments, "--json"],
        {**for_a_command(environment), **(variables or {})},
    )
    return document_of(
        arguments[0], key, code, output.decode(errors="replace"), other_version=container.other_version
    )


def document_of(
    command: str, key: str, code: int, output: str, *, other_version: bool = False
) -> dict[str, Any]:
    """The document that the command wrote, with its exit code. Raises DataopsError as `ask_dbt_container` does.

    `other_version`: its dataops is not the one that runs here, which may be all that is wrong.
    """
    try:
        document: dict[str, Any] = dict(json.loads(output))
    except (ValueError, TypeError):
        document = {}
    if key in document:
        return document
    told = document.get("error")
    if not told:
        raise DataopsError(
            f"dataops {command} in dbt's container ended with exit code {code}, and said nothing",
            hint=UPDATE,
            exit_code=ExitCode.UNAVAILABLE,
        )
    raise DataopsError(
        told["reason"],
        hint=UPDATE if other_version else told["hint"],
        exit_code=told["exit_code"],
        details=tuple(told["details"]),
    )
