"""Reading the warehouse for a check: bounded in time, and without keeping anybody from publishing."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

from dataops_cli.checks import DEADLINE
from dataops_cli.health.check import Subject
from dataops_cli.settings.model import Engine, Settings


class Reading(Protocol):
    """One connection. Raises DataopsError for what the engine refuses."""

    def name(self, *parts: str) -> str:
        """Schema and relation, or a column, as the engine's SQL writes them."""

    def source(self, schema: str, table: str) -> str:
        """A source table, as the engine's SQL writes it."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]: ...

    def kinds(self) -> dict[tuple[str, str], bool]:
        """(schema, name) in lower case → whether it is a view, of all tables and views."""


def bounded(settings: Settings) -> Settings:
    """The settings with a limit on each statement."""
    warehouse = settings.warehouse.model_copy(update={"query_timeout": int(DEADLINE)})
    return settings.model_copy(update={"warehouse": warehouse})


def open_reading(subject: Subject, *, all_of_it: bool = False) -> AbstractContextManager[Reading]:
    """What consumers read, as they do; `all_of_it` also bronze and the source, which on SQL Server only the
    building login sees."""
    settings = subject.environment.settings
    if settings.warehouse.engine is Engine.DUCKDB:
        from dataops_cli.health.data_embedded import embedded_reading

        home = subject.project.state(subject.environment.name)
        return embedded_reading(home, with_source=all_of_it)
    from dataops_cli.health.data_sqlserver import sqlserver_reading

    return sqlserver_reading(bounded(settings), all_of_it=all_of_it)
