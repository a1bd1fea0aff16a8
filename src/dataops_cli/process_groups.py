"""Programs that were started in a group of their own (`start_new_session`), ended with all that they have started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Collection
from contextlib import suppress

PAUSE = 0.02


def end_groups(processes: Collection[subprocess.Popen[bytes]], grace: float) -> None:
    """Ask every group to end (SIGTERM), and kill after `grace` seconds what has not."""
    try:
        for process in processes:
            _signal(process, signal.SIGTERM)
        until = time.monotonic() + grace
        while any(process.poll() is None for process in processes) and time.monotonic() < until:
            time.sleep(PAUSE)
    finally:  # also where the user has no patience
        for process in processes:
            kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group, also where its first process has ended."""
    _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nothing of the group is left
        os.killpg(process.pid, number)
