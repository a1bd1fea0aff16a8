"""Who holds the lock of a stack, and whether they may still be at work.

The holder stands in the labels of the lock's container. One that runs has the holder's connection as its input, and
ends with it; its log has the holder's heartbeats, stamped by the engine. So no two clocks are ever compared.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.processes import start_of, user_name
from dataops_cli.stack.engine_clock import engine_now, engine_time

PREFIX = "dataops.lock."
BY_HAND = "by-hand"
# Seconds without a heartbeat after which a holder is no longer taken to be alive: several were due.
SILENT = 30.0


class Liveness(StrEnum):
    """`KEPT` is that of a lock taken by hand, which outlives the command that took it."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"
    KEPT = "kept"


@dataclass(frozen=True)
class Holder:
    """`facts` are command, user, host, pid, processes, started, since and reason; `status` is the container's.

    `heard` is how many seconds ago the last heartbeat was, by the engine's clock; None where there was none.
    """

    container: str
    facts: Mapping[str, str]
    status: str
    heard: float | None = None

    @property
    def by_hand(self) -> bool:
        return BY_HAND in self.facts

    @property
    def liveness(self) -> Liveness:
        if self.by_hand:
            return Liveness.KEPT
        if self.status not in ("created", "running", "paused"):
            return Liveness.GONE
        if _is_of_this_machine(self.facts):
            lives = start_of(int(self.facts["pid"])) == self.facts["started"]
            return Liveness.ALIVE if lives else Liveness.GONE
        if self.status == "created" or (self.heard is not None and self.heard > SILENT):
            return Liveness.UNKNOWN
        return Liveness.ALIVE

    def __str__(self) -> str:
        """Such as `dataops up` (pid 12 of ada on laptop, since …, last heard of 3 s ago): REASON."""
        if "command" not in self.facts:
            return "another command"
        known = f"pid {self.facts.get('pid')} of {self.facts.get('user')} on {self.facts.get('host')}"
        heard = "" if self.heard is None else f", last heard of {self.heard:.0f} s ago"
        why = f": {reason}" if (reason := self.facts.get("reason")) else ""
        return f"`{self.facts['command']}` ({known}, since {self.facts.get('since')}{heard}){why}"


def own_facts(command: str, reason: str) -> dict[str, str]:
    """What others are told about this process as a holder."""
    return {
        "command": command,
        "reason": reason,
        "user": user_name(),
        "host": socket.gethostname(),
        "processes": _processes(),
        "pid": str(os.getpid()),
        "started": start_of(os.getpid()),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def as_labels(facts: Mapping[str, str]) -> dict[str, str]:
    return {PREFIX + key: text for key, text in facts.items()}


def find_holder(engine: Engine, name: str) -> Holder | None:
    """Who holds the lock whose container has this name."""
    try:
        found = engine.inspect(name)
        labels = found["Config"]["Labels"] or {}
        facts = {key.removeprefix(PREFIX): text for key, text in labels.items() if key.startswith(PREFIX)}
        status = str(found["State"]["Status"])
        heard = last_heartbeat(engine, found["Id"]) if status == "running" else None
    except EngineError as error:
        if error.status not in (404, 409):  # gone, or just going
            raise
        return None
    return Holder(found["Id"], facts, status, heard)


def last_heartbeat(engine: Engine, container: str) -> float | None:
    """How many seconds ago the container's last line was written, by the engine's clock; None without a line."""
    if not (line := engine.logs(container, tail=1)):
        return None
    written = engine_time(line.split(b" ", 1)[0].decode())
    now = engine_now(engine)
    return max(0.0, (now - written).total_seconds()) if written and now else None


def _is_of_this_machine(facts: Mapping[str, str]) -> bool:
    """Whether the holder's number is one of the processes that this one sees.

    Many machines have the same name; of two boots, no two have the same id.
    """
    boot = start_of(os.getpid()).partition(" ")[0]
    here = (socket.gethostname(), _processes(), boot)
    there = (facts.get("host"), facts.get("processes"), facts.get("started", "").partition(" ")[0])
    return bool(boot) and here == there


def _processes() -> str:
    """Which processes this one's number is among: containers of one host name may have their own."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
