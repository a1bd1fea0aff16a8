"""Queries that a user types, whichever engine holds the warehouse."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from dataops_cli.errors import UsageError
from dataops_cli.settings.model import Engine, Settings

Say = Callable[[str], None]


class Answer(Protocol):
    """One result with columns. Its rows are there until the next answer is asked for."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    def fetch(self, count: int | None) -> list[tuple[Any, ...]]:
        """The next rows, at most so many (None: all that are left); none at the end."""


class Session(Protocol):
    """A connection that runs what a user types, one text after the other."""

    def answers(self, text: str) -> Generator[Answer, None, None]:
        """Run a text's statements, and give their results one by one. Rows of an answer that were not fetched
        are left out when the next one is asked for. Raises DataopsError for what the engine refuses."""

    def is_complete(self, text: str) -> bool:
        """Whether the lines typed so far are a whole statement."""

    def has_several_results(self, text: str) -> bool:
        """Whether that is sure before anything is run."""


def open_session(
    settings: Settings, home: Path, *, write: bool = False, say: Say = lambda _line: None
) -> AbstractContextManager[Session]:
    """A session on what is published, read-only unless `write`. `say` is told what is no result, such as the
    messages of the server. Raises DataopsError where there is nothing to read, or it cannot be reached."""
    if settings.warehouse.engine is Engine.DUCKDB:
        if write:
            raise UsageError(
                "Published files are never written, so --write is for warehouses in SQL Server",
                hint="Change the models and publish them with: dataops run; to try something out: dataops dbt",
            )
        from dataops_cli.warehouse.embedded_query import embedded_session

        return embedded_session(home)
    from dataops_cli.warehouse.sqlserver.connection import Server
    from dataops_cli.warehouse.sqlserver.query import sqlserver_session

    return sqlserver_session(Server(settings, say), write=write, say=say)


def no_statement() -> UsageError:
    return UsageError("There is no statement to run", hint='Write one: dataops sql "select 1"')
