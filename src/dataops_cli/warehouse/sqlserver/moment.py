"""A change of tables that others read: in a moment that they leave, or not at all.

Whoever waits for a table's lock makes every later reader wait behind it. So the change asks for its locks with
a short LOCK_TIMEOUT, gives way when it does not get them, and tries again after a pause.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from dataops_cli.warehouse.sqlserver.errors import LOCK_TIMEOUT, SqlServerError

# Seconds: how long it waits for a lock, and the pause before it asks again.
GIVE_WAY, PAUSE = 1.0, 0.5


def in_a_moment(
    change: Callable[[], None], timeout: float, *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Call `change`, which is one transaction with LOCK_TIMEOUT set, until it gets its locks.

    After `timeout` seconds its SqlServerError is raised; any error but a lock or a deadlock at once.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            change()
            return
        except SqlServerError as error:
            gave_way = error.number == LOCK_TIMEOUT or (error.transient and not error.lost)
            if not gave_way or time.monotonic() > deadline:
                raise
            sleep(PAUSE * random.uniform(0.5, 1.5))  # noqa: S311 (not for secrets)
