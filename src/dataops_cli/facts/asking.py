"""Asking for the data's facts where they are: in dbt's container, by one command."""

from __future__ import annotations

from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.facts.data import Data
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.stack.dbt_document import UPDATE, ask_dbt_container

# What the command in the container writes its facts under.
KEY = "data"


def ask_container(engine: Engine, project: Project, environment: Environment) -> Data:
    """Raises DataopsError (exit 3) where the container does not run, or its dataops cannot tell."""
    document = ask_dbt_container(engine, project, environment, ["status", "--collect"], KEY)
    return data_of(document[KEY])


def data_of(document: object) -> Data:
    """The facts in a document. Raises DataopsError for one of another version, which has others."""
    try:
        return Data.from_document(document)  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError):
        raise DataopsError(
            "dataops status in dbt's container told nothing that is known here",
            hint=UPDATE,
            exit_code=ExitCode.UNAVAILABLE,
        ) from None
