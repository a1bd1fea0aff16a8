"""A health check, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from dataops_cli.checks import DEADLINE, Finding
from dataops_cli.health.installation import Installation
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment


class Layer(StrEnum):
    """What part of the platform a check is about."""

    MACHINE = "machine"
    SERVICES = "services"
    DBT = "dbt"
    DATA = "data"
    RELEASE = "release"


@dataclass(frozen=True)
class Subject:
    """The environment whose health is looked at. `stack` is None where it has none, or its engine is not reachable."""

    project: Project
    environment: Environment
    stack: Installation | None = None

    @property
    def installed(self) -> Installation:
        """The stack, for a check that says that it needs it."""
        if self.stack is None:
            raise LookupError("this check does not say that it needs the stack")
        return self.stack


class Need(StrEnum):
    """Whether a check looks at the stack. It is skipped where it must, and there is none, or the engine is not
    reachable."""

    NOTHING = "nothing"
    STACK_IF_THERE = "stack if there"
    STACK = "stack"


@dataclass(frozen=True)
class Check:
    """`look` returns a Finding, or raises DataopsError or OSError, which is a failure.

    `late` says what to do where it is not done within `deadline` seconds.
    """

    name: str
    layer: Layer
    look: Callable[[Subject], Finding]
    late: str
    deadline: float = DEADLINE
    needs: Need = Need.NOTHING
