"""Waiting for a container: until it runs, is healthy, or has done its work; or why it never will."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.stack.observe import Container

LOG_LINES = 10
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 0.5
# A container that its restart policy has started anew this often will not settle by itself.
RESTARTS_UNTIL_LOOP = 3
SETTLING_SECONDS = 1.5


def meets(container: Container, condition: str) -> bool:
    """Whether a container that was seen meets a condition of Compose's `depends_on`."""
    ended_well = container.state == "exited" and container.exit_code == 0
    if condition == "service_completed_successfully" or (condition == "service_started" and ended_well):
        return ended_well
    return container.state == "running" and (condition == "service_started" or container.health == "healthy")


def wait_for(
    engine: Engine, container: str, condition: str, *, deadline: float, cancelled: threading.Event
) -> None:
    """Return when `condition` of Compose's `depends_on` holds for a container, given by name or id.

    `deadline` is in time.monotonic() seconds.

    Raises DataopsError as soon as it cannot hold any more, with the health check's output and the last
    lines of the log: exited, unhealthy, restarting over and over, no health check, or out of time; with exit 3
    where the container is taken away meanwhile.
    """
    try:
        _wait(engine, container, condition, deadline, cancelled)
    except EngineError as error:
        # 404: it is gone; 409: it is going, and the engine no longer gives its log.
        if error.status not in (404, 409):
            raise
        raise DataopsError(
            f"{container} was taken away while it was waited for",
            hint="Run the command again: it makes the container anew.",
            exit_code=ExitCode.UNAVAILABLE,
        ) from error


def _wait(
    engine: Engine, container: str, condition: str, deadline: float, cancelled: threading.Event
) -> None:
    pause, settled = FIRST_PAUSE, -1
    while not cancelled.is_set():
        facts = engine.inspect(container)
        state, name = facts["State"], facts["Name"].removeprefix("/")
        health = (state.get("Health") or {}).get("Status", "")
        if condition == "service_completed_successfully":
            if state["Status"] == "exited" and state["ExitCode"] == 0:
                return
            if state["Status"] == "exited":
                raise _failure(engine, facts, f"{name} failed: it exited with code {state['ExitCode']}")
        elif condition == "service_started" and _has_done_its_work(facts):
            return
        elif state["Status"] == "paused":
            raise _failure(engine, facts, f"{name} is paused (docker unpause {name} lets it go on)")
        elif state["Status"] in ("exited", "dead"):
            raise _failure(engine, facts, f"{name} exited with code {state['ExitCode']}")
        elif state["Status"] == "restarting":
            if facts.get("RestartCount", 0) >= RESTARTS_UNTIL_LOOP:
                raise _failure(
                    engine, facts, f"{name} exits and restarts over and over (code {state['ExitCode']})"
                )
        elif condition == "service_healthy":
            if not health:
                raise _failure(engine, facts, f"{name} has no health check, so it never becomes healthy")
            if health == "healthy":
                return
            if health == "unhealthy":
                raise _failure(engine, facts, f"{name} is unhealthy")
        elif state["Running"]:
            if settled == facts.get("RestartCount", 0):
                return
            # Without a health check, that it still runs a moment later is all that tells that it stays.
            settled = facts.get("RestartCount", 0)
            cancelled.wait(SETTLING_SECONDS)
            continue
        if time.monotonic() > deadline:
            raise _failure(engine, facts, f"{name} was not ready in time: it is {health or state['Status']}")
        cancelled.wait(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _has_done_its_work(facts: Mapping[str, Any]) -> bool:
    """Whether a container that is not to be restarted has ended without an error: it was a one-shot."""
    policy, state = facts["HostConfig"]["RestartPolicy"]["Name"], facts["State"]
    return policy in ("", "no") and state["Status"] == "exited" and state["ExitCode"] == 0


def _failure(engine: Engine, facts: dict[str, Any], reason: str) -> DataopsError:
    checks = (facts["State"].get("Health") or {}).get("Log") or []
    details = []
    if checks:
        output = str(checks[-1].get("Output", "")).strip()
        details.append(f"its check said (exit {checks[-1].get('ExitCode')}): {output or 'nothing'}")
    lines = engine.logs(facts["Id"], tail=LOG_LINES).decode(errors="replace").splitlines()
    # Each line begins with its timestamp, which ends at the first blank.
    details += [f"its log: {line.partition(' ')[2]}" for line in lines]
    name = facts["Name"].removeprefix("/")
    return DataopsError(
        reason,
        hint=f"Mend the cause, then run the command again: it goes on where it stopped. Whole log: docker logs {name}",
        exit_code=ExitCode.FAILED,
        details=tuple(details),
    )
