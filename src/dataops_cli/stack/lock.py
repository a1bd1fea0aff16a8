"""One change of a stack at a time, also by operators on two machines.

The lock is a container that is never started: the engine gives its name to one only. It bears none of
Compose's labels, so nobody takes it for a part of the stack. A plan that is empty needs no lock.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.processes import start_of, user_name

IMAGE = "dataops-lock:1"
PREFIX = "dataops.lock."
ATTEMPTS, PAUSE = 5, 0.2


def lock_name(project: str) -> str:
    return f"{project}-lock"


@contextmanager
def changing(engine: Engine, project: str, command: str) -> Iterator[Callable[[], None]]:
    """Change a stack in the block. Yields a function that takes the lock, to be held until the block ends.

    What was observed before may have changed when the lock is held. A lock whose holder ran on this machine
    and is gone, as after a kill, is taken over; `command` is what others are told about this one.

    Raises DataopsError with exit 4 where somebody else holds the lock, with exit 130 where the user interrupts
    the block, and with exit 3 in place of a failure of the block when the engine is shutting down.
    """
    held: list[str] = []
    _holder(engine, lock_name(project))

    def lock() -> None:
        if not held:
            held.append(_acquire(engine, project, command))

    try:
        yield lock
    except KeyboardInterrupt:
        raise DataopsError(
            "Interrupted",
            hint="Run the command again: it goes on where it stopped.",
            exit_code=ExitCode.INTERRUPTED,
        ) from None
    except DataopsError as error:
        if error.exit_code == ExitCode.FAILED:
            engine.require_reachable()
        raise
    finally:
        for container in held:
            with suppress(EngineError):  # the next command on this machine takes it over
                engine.remove(container)


def _acquire(engine: Engine, project: str, command: str) -> str:
    name = lock_name(project)
    holder = {
        "project": project,
        "command": command,
        "user": user_name(),
        "host": socket.gethostname(),
        "processes": _processes(),
        "pid": str(os.getpid()),
        "started": start_of(os.getpid()),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    config = {"Image": IMAGE, "Cmd": ["-"], "Labels": {PREFIX + key: text for key, text in holder.items()}}
    for _attempt in range(ATTEMPTS):
        try:
            return engine.create(name, config)
        except EngineError as error:
            if error.status == 404:
                engine.import_empty_image(IMAGE)
            elif error.status == 409:
                if holder_now := _holder(engine, name):
                    raise _locked(name, holder_now) from None
                time.sleep(PAUSE)  # the engine is just making it, or removing it
            else:
                raise
    raise _locked(name, {})  # whoever had it let it go, and another one was faster


def _holder(engine: Engine, name: str) -> dict[str, str] | None:
    """Who holds the lock. One that a killed command left is removed."""
    try:
        found = engine.inspect(name)
        labels = found["Config"]["Labels"] or {}
        holder = {key.removeprefix(PREFIX): text for key, text in labels.items() if key.startswith(PREFIX)}
        if _lives(holder):
            return holder
        engine.remove(found["Id"])  # by its id: the name may have passed to another one by now
    except EngineError as error:
        if error.status not in (404, 409):  # gone, or being removed by somebody else
            raise
    return None


def _lives(holder: Mapping[str, str]) -> bool:
    """Whether the holder may still be at work: known for this machine only."""
    if (holder.get("host"), holder.get("processes")) != (socket.gethostname(), _processes()):
        return True
    return start_of(int(holder["pid"])) == holder.get("started")


def _processes() -> str:
    """Which processes this one's number is among: containers of one host name may have their own."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _locked(name: str, holder: Mapping[str, str]) -> DataopsError:
    who = (
        f"`{holder['command']}` (pid {holder['pid']} of {holder['user']} on {holder['host']}, since {holder['since']})"
        if "command" in holder
        else "another command"
    )
    return DataopsError(
        f"The stack is being changed by {who}",
        hint=f"Wait until it has ended. If it has, and left its lock behind: docker rm {name}",
        exit_code=ExitCode.LOCKED,
    )
