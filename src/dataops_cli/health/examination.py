"""Make the checks: the engine first, then all others side by side, each with its own deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from dataops_cli import docker_api
from dataops_cli.checks import Finding, Look, Result, side_by_side
from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError, UsageError, fault_of_ours
from dataops_cli.health.check import Check, Layer, Need, Subject
from dataops_cli.health.installation import Installation, Wanted
from dataops_cli.settings.layers import nearest
from dataops_cli.stack.observe import observe_containers

ENGINE = "engine"
LATE = "See whether the engine answers: docker info; restart it where it hangs."


@dataclass(frozen=True)
class Outcome:
    """What a check found, and the seconds that it took."""

    name: str
    layer: Layer
    finding: Finding
    seconds: float


def chosen(checks: Sequence[Check], names: Sequence[str] = (), layers: Sequence[str] = ()) -> list[Check]:
    """The checks of those names or layers; all where neither is given. Raises UsageError for an unknown one."""
    _require("check", names, [ENGINE, *(check.name for check in checks)])
    _require("layer", layers, list(Layer))
    if not names and not layers:
        return list(checks)
    return [check for check in checks if check.name in names or check.layer in layers]


def looks_at_stack(checks: Sequence[Check]) -> bool:
    """No checks at all are those of one who asked for the engine's alone."""
    return not checks or any(check.needs is not Need.NOTHING for check in checks)


def examine(
    subject: Subject,
    checks: Sequence[Check],
    wanted: Callable[[Engine], Wanted],
    timeout: float | None = None,
) -> list[Outcome]:
    """What each check found, the engine's first. No check has more than `timeout` seconds.

    `wanted` says what the stack is to be. The engine is looked at where a check has to do with the stack.
    """
    if not looks_at_stack(checks):
        return make(subject, checks, timeout)
    if not subject.environment.settings.stack.enabled:
        engine = Outcome(ENGINE, Layer.MACHINE, Finding(Result.SKIPPED, "no stack"), 0.0)
        return [engine, *make(subject, checks, timeout, lacking="no stack")]
    met: list[Installation] = []
    check = Check(ENGINE, Layer.MACHINE, lambda _subject: _meet(wanted, met), LATE)
    found = make(subject, [check], timeout)
    if found[0].finding.result is Result.OK and met:
        subject = replace(subject, stack=met[0])
    return found + make(subject, checks, timeout, lacking="the engine is not reachable")


def _meet(wanted: Callable[[Engine], Wanted], met: list[Installation]) -> Finding:
    """Raises EngineError where the engine cannot be reached or is too old."""
    engine = docker_api.connect()
    version = engine.version()["Version"]
    stack = wanted(engine)
    met.append(Installation(engine, stack, observe_containers(engine, stack.stack.name)))
    return Finding(Result.OK, f"Docker {version} of {docker_api.engine_place()}")


def make(
    subject: Subject, checks: Sequence[Check], timeout: float | None = None, lacking: str = ""
) -> list[Outcome]:
    """Make the checks side by side. `lacking` is why there is no stack, for those that need one."""
    seconds: dict[str, float] = {}
    limits = {check.name: min(check.deadline, timeout or check.deadline) for check in checks}

    def timed(check: Check) -> Finding:
        begun = time.monotonic()
        try:
            return check.look(subject)
        except (DataopsError, OSError):
            raise
        except Exception as error:  # what the others found is worth as much as before
            raise fault_of_ours(error) from error
        finally:
            seconds[check.name] = time.monotonic() - begun

    makeable = [check for check in checks if subject.stack is not None or check.needs is not Need.STACK]
    found: Mapping[str, Finding] = side_by_side(
        {check.name: Look(partial(timed, check), limits[check.name], check.late) for check in makeable}
    )
    skipped = Finding(Result.SKIPPED, lacking)
    return [
        Outcome(
            check.name,
            check.layer,
            found.get(check.name, skipped),
            round(min(seconds.get(check.name, limits[check.name]), limits[check.name]), 3)
            if check.name in found
            else 0.0,
        )
        for check in checks
    ]


def _require(kind: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            meant = nearest(name, list(known))
            raise UsageError(
                f"There is no {kind} {name}",
                hint=f"Did you mean {meant}?" if meant else f"There are: {', '.join(known)}",
            )
