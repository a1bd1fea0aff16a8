"""One run or publication at a time on an embedded warehouse.

The lock is the kernel's (flock): it ends with its holder, however that one ends, and no clock is
involved. Beside it stands who holds it, with a fencing number that grows with every holder.

A run in steps, each a process of its own, holds the lock in each of them. Between two of them it is reserved for
the run, until a time: a run that does not go on must not keep others away for ever.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import explained, read_state, write_state
from dataops_cli.processes import user_name

# Seconds: `is_held` takes the lock for a moment, which must not look like a holder.
GRACE = 0.3
# Seconds between two looks at a lock that is taken.
POLL = 0.1
# Seconds. A reservation that lasts longer was written by a clock that was wrong.
LONGEST_RESERVATION = 6 * 3600.0
# As a step says who asked for it, in what describes its holder.
_OF_AIRFLOW = re.compile(r"Airflow: (?P<dag_id>\S+) (?P<run_id>.+?)(?=, which is between|`|$)")


@dataclass(frozen=True)
class FileLease:
    """The lock, held. `number` is larger than that of every holder before."""

    number: int
    holder_file: Path

    def check(self) -> None:
        """Refuse to go on when the lock has passed to someone else, as after `.dataops` was moved."""
        holder = read_state(self.holder_file)
        if holder is None or holder["number"] != self.number:
            raise DataopsError(
                "This run no longer holds the lock of the warehouse, so it publishes nothing",
                hint="See what runs now with: dataops runs",
                exit_code=ExitCode.LOCKED,
            )

    def reserve(self, whose: str, seconds: float) -> None:
        """Keep the lock for the next step of a run, after this one has let go of it. `whose` tells the run."""
        self._write(whose=whose, until=time.time() + seconds)

    def unreserve(self) -> None:
        self._write()

    def _write(self, **reservation: Any) -> None:
        self.check()
        holder = read_state(self.holder_file) or {}
        write_state(self.holder_file, {**holder, "reserved": reservation or None})


def in_use(user: str) -> DataopsError:
    """What one is told who does not get the lock (exit 4). `user` says who has it."""
    hint = "Wait for it with --lock-wait 10m, or stop it where it runs."
    if run := _OF_AIRFLOW.search(user):
        stop = f"dataops airflow stop {shlex.quote(run['run_id'])} --dag {run['dag_id']}"
        hint = f"Wait for it with --lock-wait 10m, or stop it: {stop}"
    return DataopsError(
        f"The warehouse is in use by {user}",
        hint=hint,
        exit_code=ExitCode.LOCKED,
    )


@contextmanager
def hold(
    folder: Path,
    command: str,
    *,
    wait: float = 0,
    on_wait: Callable[[str], None] = lambda _holder: None,
    whose: str | None = None,
) -> Iterator[FileLease]:
    """Hold the lock of `folder` while the block runs; wait for it up to `wait` seconds.

    `on_wait` is told who holds it; `whose` tells the run for which it may be reserved. Raises DataopsError (exit 4)
    when it stays taken.
    """
    from filelock import FileLock

    holder_file = folder / "lock.json"
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0)
        deadline = time.monotonic() + GRACE
        told = False
        while (user := _in_use(lock, holder_file, whose)) is not None:
            if time.monotonic() >= deadline:
                if not told:
                    on_wait(user)
                    told, deadline = True, time.monotonic() + wait
                    continue
                raise in_use(user)
            time.sleep(POLL if told else 0.02)
    try:
        before = read_state(holder_file)
        lease = FileLease(max(before["number"] if before else 0, _largest_number(folder)) + 1, holder_file)
        write_state(
            holder_file,
            {
                "number": lease.number,
                "reserved": before.get("reserved") if before else None,
                "command": command,
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "user": user_name(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )
        yield lease
    finally:
        lock.release()


def _in_use(lock: Any, holder_file: Path, whose: str | None) -> str | None:
    """Take the lock. Where it cannot be had: by whom it is used, or for whom it is reserved."""
    from filelock import Timeout

    try:
        lock.acquire()
    except Timeout:
        return describe_holder(read_state(holder_file))
    try:
        reserved = _reserved(holder_file)
    except BaseException:  # such as a state that a newer dataops wrote
        lock.release()
        raise
    if reserved in (None, whose):
        return None
    lock.release()
    return describe_reservation(str(reserved))


def _reserved(holder_file: Path) -> str | None:
    """For whom the lock is reserved."""
    reservation = (read_state(holder_file) or {}).get("reserved")
    if not reservation or not 0 < reservation["until"] - time.time() <= LONGEST_RESERVATION:
        return None
    return str(reservation["whose"])


def is_held(folder: Path) -> bool:
    """Whether somebody holds the lock of `folder` now, or a run has it reserved."""
    from filelock import FileLock, Timeout

    if not os.access(folder / "lock", os.W_OK):  # not there, or another user's
        return False
    try:
        with FileLock(folder / "lock", timeout=0):
            return _reserved(folder / "lock.json") is not None
    except Timeout:
        return True


def _largest_number(folder: Path) -> int:
    """The largest number that a run or generation bears, should the holder's file be lost."""
    names = [path.name for kind in ("runs", "generations") for path in (folder / kind).glob("*-*")]
    return max((int(tail) for name in names if (tail := name.rsplit("-", 1)[1]).isdigit()), default=0)


def describe_reservation(whose: str) -> str:
    return f"{whose}, which is between two of its steps"


def describe_holder(holder: dict[str, Any] | None) -> str:
    if holder is None:
        return "another process"
    return f"`{holder['command']}` (pid {holder['pid']} of {holder['user']} on {holder['host']}, since {holder['since']})"
