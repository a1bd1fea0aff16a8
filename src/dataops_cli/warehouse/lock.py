"""One run or publication at a time on an embedded warehouse.

The lock is the kernel's (flock): it ends with its holder, however that one ends, and no clock is
involved. Beside it stands who holds it, with a fencing number that grows with every holder.
"""

from __future__ import annotations

import os
import socket
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


@contextmanager
def hold(
    folder: Path, command: str, *, wait: float = 0, on_wait: Callable[[str], None] = lambda _holder: None
) -> Iterator[FileLease]:
    """Hold the lock of `folder` while the block runs; wait for it up to `wait` seconds.

    `on_wait` is told who holds it. Raises DataopsError (exit 4) when it stays taken.
    """
    from filelock import FileLock, Timeout

    holder_file = folder / "lock.json"
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0)
        try:
            lock.acquire(timeout=GRACE, poll_interval=0.02)
        except Timeout:
            on_wait(describe_holder(read_state(holder_file)))
            try:
                lock.acquire(timeout=wait, poll_interval=0.1)
            except Timeout:
                holder = read_state(holder_file)
                raise DataopsError(
                    f"The warehouse is in use by {describe_holder(holder)}",
                    hint=f"Wait for it with --lock-wait 10m, or stop it with: kill {holder['pid'] if holder else 'PID'}",
                    exit_code=ExitCode.LOCKED,
                ) from None
    try:
        before = read_state(holder_file)
        lease = FileLease(max(before["number"] if before else 0, _largest_number(folder)) + 1, holder_file)
        write_state(
            holder_file,
            {
                "number": lease.number,
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


def is_held(folder: Path) -> bool:
    """Whether somebody holds the lock of `folder` now."""
    from filelock import FileLock, Timeout

    if not os.access(folder / "lock", os.W_OK):  # not there, or another user's
        return False
    try:
        with FileLock(folder / "lock", timeout=0):
            return False
    except Timeout:
        return True


def _largest_number(folder: Path) -> int:
    """The largest number that a run or generation bears, should the holder's file be lost."""
    names = [path.name for kind in ("runs", "generations") for path in (folder / kind).glob("*-*")]
    return max((int(tail) for name in names if (tail := name.rsplit("-", 1)[1]).isdigit()), default=0)


def describe_holder(holder: dict[str, Any] | None) -> str:
    if holder is None:
        return "another process"
    return f"`{holder['command']}` (pid {holder['pid']} of {holder['user']} on {holder['host']}, since {holder['since']})"
