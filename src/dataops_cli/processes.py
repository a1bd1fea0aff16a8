"""Who runs this process, and whether a process that was seen once still lives."""

from __future__ import annotations

import getpass
import os
import signal
from pathlib import Path

PR_SET_PDEATHSIG = 1
# In a container: who called it, from where.
CALLER = "DATAOPS_CALLER"


def user_name() -> str:
    """The user's name, or its number where it has none, as in containers; there DATAOPS_CALLER may say it."""
    if caller := os.environ.get(CALLER):
        return caller
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def start_of(pid: int) -> str:
    """When a process began, as the boot and its ticks since then; empty where there is no such process.

    A number is given to another process some day, and every one of them after a boot.
    Source: proc(5), `/proc/PID/stat`, field 22.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        after_name = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        )
        return f"{boot} {after_name.split()[19]}"
    except OSError:
        return ""


def end_with_parent() -> None:
    """Have the kernel send SIGTERM to this process when the one that started it ends, however that ends.

    Linux only; elsewhere it does nothing. Source: prctl(2), PR_SET_PDEATHSIG.
    """
    import ctypes
    import sys

    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended just before
        os.kill(os.getpid(), signal.SIGTERM)
