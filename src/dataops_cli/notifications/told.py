"""What was told last, so that only a change is told: `pipeline` and `health`, each with its last verdict.

A stack's is kept on its engine, where every operator's commands see it; an environment's without a stack under
.dataops. There is a copy of a stack's, too: that its engine cannot be reached may be what is to be told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dataops_cli.errors import DataopsError
from dataops_cli.files import read_state, write_state
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment

# The folder, below the environment's own or in the stack's state, that has a document a subject.
FOLDER = "told"


class Documents(Protocol):
    """Of `stack.state.State`, what is used here."""

    def documents(self, folder: str) -> Mapping[str, Mapping[str, Any]]: ...
    def add(self, path: str, document: Mapping[str, Any]) -> None: ...


class Told(Protocol):
    def last(self, subject: str) -> str | None:
        """The verdict that was told last; None where none was. Raises DataopsError where it cannot be read."""

    def note(self, subject: str, verdict: str) -> None:
        """Raises DataopsError where it cannot be written."""


@dataclass(frozen=True)
class ToldHere:
    """Kept in a folder of this machine."""

    folder: Path

    def last(self, subject: str) -> str | None:
        document = self.document(subject)
        return str(document["verdict"]) if document else None

    def note(self, subject: str, verdict: str, *, alone: bool = False) -> None:
        """`alone`: it is kept nowhere else, though it should be."""
        write_state(self._path(subject), {"verdict": verdict, "alone": alone})

    def document(self, subject: str) -> dict[str, Any] | None:
        return read_state(self._path(subject))

    def _path(self, subject: str) -> Path:
        return self.folder / f"{subject}.json"


@dataclass(frozen=True)
class ToldByStack:
    """Kept with a stack, with a copy here. `state` raises DataopsError where its engine cannot be reached: then what
    is `here` counts, and goes on to count while it is here alone, since it is newer."""

    state: Callable[[], Documents]
    here: ToldHere

    def last(self, subject: str) -> str | None:
        document: Mapping[str, Any] | None = self.here.document(subject)
        if document is None or not document.get("alone"):
            with suppress(DataopsError):
                document = self.state().documents(FOLDER).get(subject)
        return str(document["verdict"]) if document else None

    def note(self, subject: str, verdict: str) -> None:
        alone = True
        with suppress(DataopsError):
            self.state().add(f"{FOLDER}/{subject}.json", {"verdict": verdict})
            alone = False
        self.here.note(subject, verdict, alone=alone)


def told_here(project: Project, environment: Environment) -> ToldHere:
    return ToldHere(project.state(environment.name) / FOLDER)


def told_of(project: Project, environment: Environment) -> Told:
    """What was told of an environment."""
    here = told_here(project, environment)
    if not environment.settings.stack.enabled:
        return here

    def state() -> Documents:
        from dataops_cli.docker_api import connect
        from dataops_cli.stack.state import state_of

        return state_of(connect(), environment)

    return ToldByStack(state, here)
