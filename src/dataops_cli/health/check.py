"""A health check, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from dataops_cli.checks import DEADLINE, Finding
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
    """The environment whose health is looked at."""

    project: Project
    environment: Environment


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
