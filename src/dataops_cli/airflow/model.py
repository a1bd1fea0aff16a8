"""Airflow's things as this program knows them: what it shows and decides by, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

SUCCESS, FAILED = "success", "failed"
QUEUED, RUNNING = "queued", "running"
RUN_ENDED = frozenset({SUCCESS, FAILED})
TASK_ENDED = frozenset({SUCCESS, FAILED, "upstream_failed", "skipped", "removed"})
# What Airflow calls a task that it has not begun to look at.
NO_STATE = "none"
# The type of a run that belongs to a backfill.
BACKFILL = "backfill"


@dataclass(frozen=True)
class Dag:
    """`periodic`: whether its schedule has dates; one that follows assets has none."""

    dag_id: str
    paused: bool
    schedule: str | None
    periodic: bool
    next_run: datetime | None
    max_active_runs: int | None
    has_import_errors: bool
    description: str | None
    tags: tuple[str, ...]
    owners: tuple[str, ...]
    file: str

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Dag:
        return cls(
            dag_id=document["dag_id"],
            paused=document["is_paused"],
            schedule=document.get("timetable_summary"),
            periodic=bool(document.get("timetable_periodic")),
            next_run=moment(document.get("next_dagrun_run_after")),
            max_active_runs=document.get("max_active_runs"),
            has_import_errors=bool(document.get("has_import_errors")),
            description=document.get("description"),
            tags=tuple(tag["name"] for tag in document.get("tags") or ()),
            owners=tuple(document.get("owners") or ()),
            file=document.get("relative_fileloc") or document.get("fileloc") or "",
        )


@dataclass(frozen=True)
class DagRun:
    dag_id: str
    run_id: str
    state: str
    run_type: str
    logical_date: datetime | None
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    triggered_by: str | None
    conf: Mapping[str, Any]
    note: str | None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> DagRun:
        return cls(
            dag_id=document["dag_id"],
            run_id=document["dag_run_id"],
            state=document["state"],
            run_type=document.get("run_type") or "",
            logical_date=moment(document.get("logical_date")),
            queued_at=moment(document.get("queued_at")),
            started_at=moment(document.get("start_date")),
            ended_at=moment(document.get("end_date")),
            triggered_by=document.get("triggering_user_name"),
            conf=document.get("conf") or {},
            note=document.get("note"),
        )

    @property
    def ended(self) -> bool:
        return self.state in RUN_ENDED

    @property
    def seconds(self) -> float | None:
        """How long it took, or has taken so far; None before it begins."""
        return span(self.started_at, self.ended_at if self.ended else None)


@dataclass(frozen=True)
class TaskInstance:
    """One task of one run, or one of its parts where it is mapped, in its latest try or in an earlier one."""

    task_id: str
    map_index: int
    state: str
    try_number: int
    max_tries: int
    started_at: datetime | None
    ended_at: datetime | None
    operator: str
    pool: str
    queue: str
    host: str

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TaskInstance:
        return cls(
            task_id=document["task_id"],
            map_index=document.get("map_index", -1),
            state=document.get("state") or NO_STATE,
            try_number=document.get("try_number") or 0,
            max_tries=document.get("max_tries") or 0,
            started_at=moment(document.get("start_date")),
            ended_at=moment(document.get("end_date")),
            operator=document.get("operator_name") or document.get("operator") or "",
            pool=document.get("pool") or "",
            queue=document.get("queue") or "",
            host=document.get("hostname") or "",
        )

    @property
    def whole(self) -> TaskInstance:
        """The task itself, all its parts."""
        return replace(self, map_index=-1)

    @property
    def name(self) -> str:
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"

    @property
    def ended(self) -> bool:
        return self.state in TASK_ENDED

    @property
    def seconds(self) -> float | None:
        """How long this try took, or has taken so far; None before it begins."""
        if self.try_number == 0:
            return None
        return span(self.started_at, None if self.state == "running" else self.ended_at)


@dataclass(frozen=True)
class DagImportError:
    """A file in the folder of DAGs that could not be read."""

    file: str
    time: datetime | None
    trace: str

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> DagImportError:
        return cls(document["filename"], moment(document.get("timestamp")), document.get("stack_trace") or "")


@dataclass(frozen=True)
class Health:
    """One part of Airflow. `status` is None for one that has never run."""

    part: str
    status: str | None
    heartbeat: datetime | None

    @classmethod
    def all_from_json(cls, document: Mapping[str, Any]) -> list[Health]:
        return [
            cls(part, facts.get("status"), moment(facts.get(f"latest_{part}_heartbeat")))
            for part, facts in document.items()
            if isinstance(facts, dict)
        ]

    @property
    def ill(self) -> bool:
        """Not healthy. Of all parts Airflow needs no triggerer, but for tasks that wait asynchronously."""
        is_unused = self.part == "triggerer" and self.status is None
        return self.status != "healthy" and not is_unused


@dataclass(frozen=True)
class User:
    name: str
    email: str
    roles: tuple[str, ...]
    active: bool
    last_login: datetime | None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> User:
        return cls(
            name=document["username"],
            email=document.get("email") or "",
            roles=tuple(role["name"] for role in document.get("roles") or ()),
            active=bool(document.get("active")),
            last_login=moment(document.get("last_login")),
        )


def moment(text: str | None) -> datetime | None:
    """A time as Airflow writes it; without a zone, as FAB writes them, it is UTC."""
    if not text:
        return None
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def span(begin: datetime | None, end: datetime | None) -> float | None:
    """Seconds from one time to another, or to now; never negative, as clocks of two machines differ."""
    if begin is None:
        return None
    return max(0.0, round(((end or datetime.now(UTC)) - begin).total_seconds(), 1))
