"""The facts of an environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from dataops_cli.airflow.model import Dag, DagRun
from dataops_cli.deploy.journal import Deployment, Outcome
from dataops_cli.deploy.release import Release
from dataops_cli.facts.data import Data
from dataops_cli.health.installation import Installation
from dataops_cli.settings.load import Environment
from dataops_cli.stack.lock_holder import Holder, Liveness

T = TypeVar("T")


@dataclass(frozen=True)
class Lacking:
    """Why a part cannot be had, and what to do about it."""

    reason: str
    hint: str = ""


@dataclass(frozen=True)
class Deployments:
    """All of them, the newest first, with the release in force; None where there is none."""

    all: Sequence[Deployment]
    release: Release | None

    @property
    def last(self) -> Deployment | None:
        return self.all[0] if self.all else None

    @property
    def brought(self) -> Deployment | None:
        """The one that brought the release in force."""
        return next((item for item in self.all if item.outcome is Outcome.SUCCEEDED), None)


@dataclass(frozen=True)
class Lock:
    """The lock of the stack; `holder` is None where nobody has it."""

    holder: Holder | None

    @property
    def is_in_use(self) -> bool:
        """Whether a command that lives holds it."""
        return self.holder is not None and self.holder.liveness is Liveness.ALIVE


@dataclass(frozen=True)
class Pipeline:
    """The pipeline's DAG in Airflow, and its runs, the newest first."""

    dag: Dag
    runs: Sequence[DagRun]


@dataclass(frozen=True)
class Facts:
    """An environment at one moment. A part is None where the environment has no such thing.

    `engine` says where the Docker engine is. `release` is the commit of the platform's files here, for an environment
    without a stack.
    """

    environment: Environment
    at: datetime
    data: Data | Lacking
    release: str | None = None
    engine: str | Lacking | None = None
    stack: Installation | Lacking | None = None
    deployments: Deployments | Lacking | None = None
    lock: Lock | Lacking | None = None
    pipeline: Pipeline | Lacking | None = None

    def parts(self) -> dict[str, object]:
        """The parts that the environment has, by name; Lacking those that cannot be had."""
        found = {
            "data": self.data,
            "engine": self.engine,
            "containers": self.stack,
            "deployments": self.deployments,
            "lock": self.lock,
            "pipeline": self.pipeline,
        }
        return {name: part for name, part in found.items() if part is not None}

    @property
    def engine_is_away(self) -> bool:
        return isinstance(self.engine, Lacking)


def had(part: T | Lacking | None) -> T | None:
    """A part, or None where there is none or it cannot be had."""
    return None if isinstance(part, Lacking) else part
