"""What a check looks at, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from dataops_cli.checks import Finding
from dataops_cli.docker_api import Engine
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.stack.model import Stack

GB = 1024**3

T = TypeVar("T")


@dataclass(frozen=True)
class Lesson(Finding):
    """A finding with facts for the checks of later stages, by field of Case."""

    learnt: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """The engine's `GET /info`, and this machine's time when it was made."""

    info: Mapping[str, Any]
    heard: datetime


@dataclass(frozen=True)
class Case:
    """What is known so far. A field is None until a check has found it, and stays so where that failed."""

    project: Project
    name: str
    environment: Environment | None = None
    stack: Stack | None = None
    engine: Engine | None = None
    answer: Answer | None = None


class Need(StrEnum):
    """What a check cannot do without."""

    ENVIRONMENT = "environment"
    STACK_WANTED = "stack wanted"
    STACK = "stack"
    ENGINE = "engine"

    def lacking(self, case: Case) -> str:
        """Why the check is to be skipped; empty where it can be made."""
        if case.environment is None:
            return "the settings are wrong"
        if self is not Need.ENVIRONMENT and not case.environment.settings.stack.enabled:
            return "no stack"
        if self is Need.STACK and case.stack is None:
            return "the Compose files are wrong"
        if self is Need.ENGINE and case.engine is None:
            return "the engine is not reachable"
        return ""


@dataclass(frozen=True)
class Check:
    """`look` returns a Finding, or raises DataopsError or OSError, which is a failure.

    `late` says what to do where it is not done in time.
    """

    name: str
    look: Callable[[Case], Finding]
    needs: tuple[Need, ...] = ()
    late: str = "Run it again; a drive or a service that it looks at may hang."


def known(fact: T | None) -> T:
    """A fact that the check needs, and is therefore not made without."""
    if fact is None:
        raise LookupError("this check does not say that it needs what it looks at")
    return fact


def gigabytes(size: int) -> str:
    return f"{size / GB:.1f} GB"
