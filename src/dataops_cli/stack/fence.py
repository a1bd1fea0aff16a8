"""The fencing number of a holder of the stack's lock, which the engine itself checks at every write.

Each holder draws a number, higher than all before, and writes through a container of its own that bears it. A new
holder removes the containers of those before it: what one of them, believed dead, still sends is refused by the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError, ExitCode

# On a container that is a fence: whose it is, and its number.
PROJECT, NUMBER = "dataops.fence", "dataops.fence.number"

# Makes the container, with a name and labels; returns its id. Raises EngineError (409) where the name is taken.
Make = Callable[[str, Mapping[str, str]], str]


@dataclass
class Fence:
    """The right to write of one holder of the lock. `check` raises where the lock is not held any more."""

    engine: Engine
    project: str
    number: int
    check: Callable[[], None]
    make: Make
    container: str = ""

    def writer(self) -> str:
        """The container to write through, made anew where somebody has cleaned the engine up.

        Raises DataopsError (exit 4) where the lock, or a higher number, is somebody else's.
        """
        if self.container:
            try:
                self.engine.inspect(self.container)
            except EngineError as error:
                if error.status != 404:
                    raise
                self.container = ""
        if not self.container:
            self.check()
            self.container = self._made()
        return self.container

    def end(self) -> None:
        """Nothing more is to be written."""
        if self.container:
            with suppress(EngineError):  # the next holder removes it
                self.engine.remove(self.container)

    def _made(self) -> str:
        labels = {PROJECT: self.project, NUMBER: str(self.number)}
        try:
            container = self.make(_name(self.project, self.number), labels)
        except EngineError as error:
            if error.status != 409:
                raise
            raise lost() from None
        if any(number > self.number for number in _numbers(self.engine, self.project).values()):
            self.engine.remove_if_there(container)
            raise lost()
        return container


def draw(engine: Engine, project: str, last: int, check: Callable[[], None], make: Make) -> Fence:
    """Draw the next number, for who has just taken the lock, and shut out all who held it before. `last` is the highest
    number known to have been written with."""
    there = _numbers(engine, project)
    fence = Fence(engine, project, max([last, *there.values()]) + 1, check, make)
    fence.writer()
    take_away(engine, project, below=fence.number)
    return fence


def take_away(engine: Engine, project: str, *, below: int | None = None) -> None:
    """Remove the containers of a stack's holders: those with a number below one, or all."""
    for container, number in _numbers(engine, project).items():
        if below is None or number < below:
            engine.remove_if_there(container)


def lost() -> DataopsError:
    """That somebody else holds the lock now."""
    return DataopsError(
        "This command no longer holds the lock of the stack, so it changes nothing more",
        hint="See who holds it now: dataops lock status; then run the command again: it begins with what it finds.",
        exit_code=ExitCode.LOCKED,
    )


def _name(project: str, number: int) -> str:
    return f"{project}-fence-{number}"


def _numbers(engine: Engine, project: str) -> dict[str, int]:
    """The containers of a stack's holders, and their numbers."""
    found = engine.containers(f"{PROJECT}={project}")
    return {item["Id"]: int(item["Labels"][NUMBER]) for item in found}
