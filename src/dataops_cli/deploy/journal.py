"""What was done to an environment, deployment by deployment: deploys and rollbacks, on the engine, append-only.

journal/<number>-begin.json    what is to be done, and what there was before
journal/<number>-found-….json  what there was before and could be known later only
journal/<number>-<step>.json   a step that ended, by its place (`again-` before it: after the end)
journal/<number>-again-begin.json that the data of a rollback are built again, after its end
journal/<number>-broken-….json that it could not be put back
journal/<number>-end.json      how it ended

A deployment without an end was cut off: what it was about to change is in its beginning.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from operator import itemgetter
from pathlib import Path
from secrets import token_hex
from typing import Any

from dataops_cli.processes import user_name
from dataops_cli.stack.state import State

# What the steps after the end of a deployment are called by.
AGAIN = "again-"
# What a way back that failed is called by.
BROKEN = "broken-"
# How the steps of the way back begin, and the last step of a deployment that comes to a good end.
BACK, RESUME = "back: ", "resume"
# The last step of building the data.
DOCUMENTATION = "documentation"
# The detail of a step that the user has interrupted.
INTERRUPTED = "interrupted"
# What of a beginning may be known later only.
FOUND = ("generation", "backup", "switched_to")


class Kind(StrEnum):
    DEPLOY = "deploy"
    ROLLBACK = "rollback"


class Outcome(StrEnum):
    """How a deployment ended. Only `BROKEN` and none at all (cut off) leave something to be put right; `LEFT` is what
    an operator has made of one of them."""

    SUCCEEDED = "succeeded"
    UNDONE = "failed, and put back"
    BROKEN = "failed, and not put back"
    LEFT = "failed, and left as it is"


@dataclass(frozen=True)
class Beginning:
    """What a deployment was begun with. `previous` is the release that the environment is put back to.

    `generation` is what consumers read before, and `switches` what the deployment has published, or was about to: more
    than one where it was cut off and gone on with, since it then builds anew. `was_paused` is how the pipeline's DAG was (None: not known), and
    `had_containers` whether the stack had any. `backup` is of the metadata database, where Airflow changes its schema.
    `tested` is false where the data were published without their tests.
    """

    number: int
    kind: Kind
    release: str
    previous: str | None
    generation: str | None
    was_paused: bool | None
    had_containers: bool
    backup: str | None = None
    switches: tuple[str, ...] = ()
    reason: str = ""
    tested: bool = True
    who: str = ""
    where: str = ""
    at: str = ""

    @property
    def key(self) -> str:
        return f"{self.number:06d}"

    @property
    def switched_to(self) -> str | None:
        """The last of its switches; None where it has published nothing."""
        return self.switches[-1] if self.switches else None


@dataclass(frozen=True)
class StepRecord:
    """A step that has ended. `fence` is the number of the lock's holder who wrote it down."""

    name: str
    ok: bool
    seconds: float
    detail: str = ""
    fence: int | None = None


@dataclass(frozen=True)
class Deployment:
    """One deploy or rollback. `outcome` is None for one that was cut off, or goes on. `again` are the steps that came
    after its end: the data were built again."""

    beginning: Beginning
    steps: Sequence[StepRecord] = ()
    outcome: Outcome | None = None
    ended_at: str = ""
    message: str = ""
    generation: str | None = None
    again: Sequence[StepRecord] = ()
    built_again: bool = False

    @property
    def was_cut_off_while_it_built_again(self) -> bool:
        """Whether a rollback was in force already, and building its data again was cut off."""
        if not self.built_again or not self.again:
            return self.built_again
        last = self.again[-1]
        return last.name != DOCUMENTATION if last.ok else last.detail == INTERRUPTED

    @property
    def lacks_its_end_only(self) -> bool:
        """Whether it was cut off when all had been done: the pipeline runs again, with the new release."""
        if (
            self.outcome is not None
            or not self.steps
            or any(step.name.startswith(BACK) for step in self.steps)
        ):
            return False
        return self.steps[-1].name == RESUME and self.steps[-1].ok

    @property
    def seconds(self) -> float:
        return round(sum(step.seconds for step in self.steps), 1)

    def document(self) -> dict[str, Any]:
        return {
            **asdict(self.beginning),
            "steps": [asdict(step) for step in self.steps],
            "steps_after": [asdict(step) for step in self.again],
            "outcome": self.outcome,
            "ended_at": self.ended_at or None,
            "message": self.message or None,
            "published": self.generation,
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class Journal:
    """The deployments of one environment. Writing wants the lock of the stack to be held, and raises DataopsError
    (exit 4) where it was lost (`State`)."""

    state: State

    def deployments(self) -> list[Deployment]:
        """All of them, the newest first."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for name, document in self.state.documents("journal").items():
            number, _, part = name.partition("-")
            found.setdefault(number, {})[part] = document
        return [
            _deployment(parts) for _number, parts in sorted(found.items(), reverse=True) if "begin" in parts
        ]

    def last_fence(self) -> int:
        """The highest number that a holder of the lock has written with."""
        found = self.state.documents("journal").values()
        return max((int(document.get("fence") or 0) for document in found), default=0)

    def begin(self, number: int, kind: Kind, release: str, **before: Any) -> Beginning:
        beginning = Beginning(
            number=number,
            kind=kind,
            release=release,
            who=user_name(),
            where=f"{socket.gethostname()}:{Path.cwd()}",
            at=now(),
            **before,
        )
        self.state.add(f"journal/{beginning.key}-begin.json", asdict(beginning))
        return beginning

    def found(self, beginning: Beginning, **known: str | None) -> Beginning:
        """Add what could not be known at the beginning, or has changed since: the fields FOUND, one after the other."""
        before = self.state.documents("journal")
        for name, value in known.items():
            part = f"{beginning.key}-found-{name}"
            # More than none where the same deployment was cut off before.
            place = sum(found.startswith(part) for found in before)
            self.state.add(f"journal/{part}-{place:02d}.json", {name: value})
        changes: dict[str, Any] = {**known}
        if (generation := changes.pop("switched_to", None)) is not None:
            changes["switches"] = (*beginning.switches, generation)
        return replace(beginning, **changes)

    def step(
        self, beginning: Beginning, place: int, record: StepRecord, *, after_the_end: bool = False
    ) -> None:
        part = f"{AGAIN if after_the_end else ''}{place:02d}"
        self.state.add(f"journal/{beginning.key}-{part}.json", asdict(record))

    def build_again(self, beginning: Beginning) -> None:
        """Write down that the data of a rollback which has ended are built again now."""
        self.state.add(f"journal/{beginning.key}-{AGAIN}begin.json", {"at": now()})

    def end(
        self, beginning: Beginning, outcome: Outcome, message: str = "", generation: str | None = None
    ) -> None:
        document = {"outcome": outcome, "message": message, "generation": generation, "at": now()}
        # Of a way back that failed there may be several, and another end follows.
        part = f"{BROKEN}{token_hex(4)}" if outcome is Outcome.BROKEN else "end"
        self.state.add(f"journal/{beginning.key}-{part}.json", document)


def current(deployments: Sequence[Deployment]) -> str | None:
    """The release that the environment is on, as far as is recorded: that of the last one that succeeded, or of what
    a later one was put back to."""
    return next((item.beginning.release for item in deployments if item.outcome is Outcome.SUCCEEDED), None)


def to_put_right(deployments: Sequence[Deployment]) -> Deployment | None:
    """The last deployment, where it was cut off or could not be put back."""
    if deployments and deployments[0].outcome in (None, Outcome.BROKEN):
        return deployments[0]
    return None


def explain(found: Deployment) -> str:
    """What is known of a deployment that has not come to a good end."""
    beginning = asdict(found.beginning)
    last = found.steps[-1].name if found.steps else "its beginning"
    how = "was cut off" if found.outcome is None else found.outcome
    return (
        "{kind} {number} of {release}, begun {at} by {who} ({where}), ".format(**beginning)
        + f"{how} after: {last}. Before it, the environment was on {found.beginning.previous or 'no release'}"
    )


def succeeded(deployments: Sequence[Deployment]) -> list[str]:
    """The releases that an environment has been on, the one in force first, each once."""
    names = [item.beginning.release for item in deployments if item.outcome is Outcome.SUCCEEDED]
    return list(dict.fromkeys(names))


def release_before(deployments: Sequence[Deployment]) -> str | None:
    """The release that was deployed before the one in force: never one that a rollback has left behind. None where
    there is none."""
    order: dict[str, int] = {}
    for item in deployments:
        if item.outcome is Outcome.SUCCEEDED and item.beginning.kind is Kind.DEPLOY:
            order.setdefault(item.beginning.release, item.beginning.number)
    now = order.get(current(deployments) or "", 0)
    return max((name for name in order if order[name] < now), key=order.__getitem__, default=None)


def next_number(deployments: Sequence[Deployment]) -> int:
    return deployments[0].beginning.number + 1 if deployments else 1


def now() -> str:
    """The time of day, UTC, ISO form. For people: nothing is decided by it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _deployment(parts: Mapping[str, Mapping[str, Any]]) -> Deployment:
    begin = {key: value for key, value in parts["begin"].items() if key in Beginning.__dataclass_fields__}
    for name in FOUND:
        found = [parts[part][name] for part in sorted(parts) if part.startswith(f"found-{name}")]
        if name == "switched_to":
            begin["switches"] = tuple(found)
        elif found:
            begin[name] = found[-1]
    beginning = Beginning(**{**begin, "kind": Kind(begin["kind"])})
    steps, again = _steps(parts, ""), _steps(parts, AGAIN)
    broken = [parts[name] for name in parts if name.startswith(BROKEN)]
    end = parts.get("end") or max(broken, key=itemgetter("at"), default=None)
    if end is None:
        return Deployment(beginning, steps)
    return Deployment(
        beginning,
        steps,
        Outcome(end["outcome"]),
        end["at"],
        end.get("message") or "",
        end.get("generation"),
        again,
        f"{AGAIN}begin" in parts,
    )


def _steps(parts: Mapping[str, Mapping[str, Any]], prefix: str) -> list[StepRecord]:
    names = sorted(name for name in parts if name.startswith(prefix) and name.removeprefix(prefix).isdigit())
    known = StepRecord.__dataclass_fields__
    return [
        StepRecord(**{key: value for key, value in parts[name].items() if key in known}) for name in names
    ]
