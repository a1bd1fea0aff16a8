"""One run or publication at a time on a warehouse in SQL Server, wherever it runs.

The lock is an application lock of a session (sp_getapplock): it ends with the session, however that one ends,
and no clock is involved. Its fencing number stands in the database, grows with every holder, and is looked at
again in the transaction that publishes: a session that was lost and made anew may have missed another holder.

Between two steps of a run in steps it is reserved for that run, until a time by the server's clock.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.processes import user_name
from dataops_cli.warehouse.lock import describe_holder, describe_reservation, in_use
from dataops_cli.warehouse.sqlserver import state
from dataops_cli.warehouse.sqlserver.connection import Connection

# Seconds. A wait is made of short ones, so that Ctrl-C is heard; the first gives a holder time to end.
GRACE, SLICE = 0.3, 1.0
# Of a command that is shown to others; the column holds 4,000 characters with everything else.
LONGEST_COMMAND = 1000
# The locks of a run, in the warehouse, and of a load, in the source.
RUN_LOCK, LOAD_LOCK = "dataops_run", "dataops_load"
ACQUIRE = (
    "DECLARE @result int; "
    "EXEC @result = sp_getapplock @Resource = N'{resource}', @LockMode = N'Exclusive', "
    "@LockOwner = N'Session', @LockTimeout = {milliseconds}; "
    "SELECT @result"
)
RELEASE = f"EXEC sp_releaseapplock @Resource = N'{RUN_LOCK}', @LockOwner = N'Session'"
# Whether this session holds it.
MODE = f"SELECT APPLOCK_MODE(N'public', N'{RUN_LOCK}', N'Session')"
# Whether any other session holds it.
IS_FREE = f"SELECT APPLOCK_TEST(N'public', N'{RUN_LOCK}', N'Exclusive', N'Session')"
NUMBER = f"SELECT number FROM [{state.SCHEMA}].[lease] WITH (UPDLOCK, HOLDLOCK)"


@dataclass(frozen=True)
class SqlServerLease:
    """The lock, held by the session of `connection`. `number` is larger than that of every holder before."""

    number: int
    connection: Connection

    def check(self) -> None:
        """Refuse to go on when the lock may have passed to someone else. Inside a transaction, the number
        cannot change until it ends."""
        if self.connection.value(MODE) != "Exclusive" or self.connection.value(NUMBER) != self.number:
            raise DataopsError(
                "This run no longer holds the lock of the warehouse, so it publishes nothing",
                hint="See what runs now with: dataops runs",
                exit_code=ExitCode.LOCKED,
            )

    def reserve(self, whose: str, seconds: float) -> None:
        """Keep the lock for the next step of a run, after this one has let go of it. `whose` tells the run."""
        self.connection.execute(
            f"UPDATE [{state.SCHEMA}].[lease] SET reserved_by = ?, "
            "reserved_until = DATEADD(second, ?, SYSUTCDATETIME()) WHERE number = ?",
            whose,
            int(seconds),
            self.number,
        )

    def unreserve(self) -> None:
        self.connection.execute(
            f"UPDATE [{state.SCHEMA}].[lease] SET reserved_by = NULL, reserved_until = NULL WHERE number = ?",
            self.number,
        )


def acquire(
    connection: Connection,
    command: str,
    *,
    wait: float = 0,
    on_wait: Callable[[str], None] = lambda _holder: None,
    whose: str | None = None,
) -> SqlServerLease:
    """Take the lock for the life of the connection; wait for it up to `wait` seconds.

    `on_wait` is told who holds it; `whose` tells the run for which it may be reserved. Raises DataopsError (exit 4)
    when it stays taken.
    """
    deadline = time.monotonic() + wait
    told = False
    while (user := _in_use(connection, whose, GRACE if not told else SLICE)) is not None:
        if not told:
            on_wait(user)
            told = True
        if time.monotonic() >= deadline:
            raise in_use(user)
    for statement in state.creation():
        connection.execute(statement)
    state.exists(connection)  # refuses what a newer dataops wrote
    holder = {
        "command": command[:LONGEST_COMMAND],
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "user": user_name(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    connection.execute(
        f"UPDATE [{state.SCHEMA}].[lease] SET number = number + 1, holder = ?",
        json.dumps(holder, ensure_ascii=False),
    )
    return SqlServerLease(int(connection.value(f"SELECT number FROM [{state.SCHEMA}].[lease]")), connection)


def take(connection: Connection, resource: str, *, wait: float) -> bool:
    """Take an application lock for the life of the connection, waiting for it up to `wait` seconds; whether it
    was taken."""
    deadline = time.monotonic() + wait
    held = _try(connection, resource, GRACE)
    while not held and (left := deadline - time.monotonic()) > 0:
        held = _try(connection, resource, min(left, SLICE))
    return held


def is_held(connection: Connection) -> bool:
    """Whether somebody else holds the lock now, or a run has it reserved."""
    return connection.value(IS_FREE) != 1 or _reserved(connection) is not None


def _in_use(connection: Connection, whose: str | None, wait: float) -> str | None:
    """Take the lock, waiting a little for it. Where it cannot be had: by whom it is used, or for whom it is
    reserved."""
    if not _try(connection, RUN_LOCK, wait):
        return describe_holder(_holder(connection))
    reserved = _reserved(connection)
    if reserved in (None, whose):
        return None
    connection.execute(RELEASE)
    time.sleep(wait)
    return describe_reservation(str(reserved))


def _reserved(connection: Connection) -> str | None:
    """For whom the lock is reserved."""
    if not state.exists(connection):
        return None
    found = connection.value(
        f"SELECT reserved_by FROM [{state.SCHEMA}].[lease] WHERE reserved_until > SYSUTCDATETIME()"
    )
    return str(found) if found is not None else None


def _try(connection: Connection, resource: str, seconds: float) -> bool:
    # -1: it stayed taken. Source: Microsoft, sp_getapplock.
    sql = ACQUIRE.format(resource=resource, milliseconds=int(seconds * 1000))
    return int(connection.value(sql)) >= 0


def _holder(connection: Connection) -> dict[str, str] | None:
    if not state.exists(connection):
        return None
    text = connection.value(f"SELECT holder FROM [{state.SCHEMA}].[lease]")
    return dict(json.loads(text)) if text else None
