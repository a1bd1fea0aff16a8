"""Who runs this process, and whether a process that was seen once still lives."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

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
