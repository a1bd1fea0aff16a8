"""Who runs this process, whether a process that was seen once still lives, and calling another to its end."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataops_cli.interrupts import interrupts_held

PR_SET_PDEATHSIG = 1
# So many times Ctrl-C.
IMPATIENT = 3
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


def call(
    command: Sequence[str], *, timeout: float | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """`subprocess.run`, which would kill it a quarter of a second after Ctrl-C: here it ends as it wants to, such as by
    a way back, and KeyboardInterrupt is raised then.

    Ctrl-C of a terminal reaches it, too; SIGTERM and SIGHUP are passed on, and SIGTERM for a third Ctrl-C, which may
    have been none of a terminal. Raises TimeoutExpired when it was killed after `timeout` seconds.
    """
    heard: list[int] = []
    running: subprocess.Popen[str] | None = None

    def pass_on(number: int) -> None:
        heard.append(number)
        if running and number != signal.SIGINT:
            running.send_signal(number)
        elif running and heard.count(number) >= IMPATIENT:
            running.terminate()

    with (
        interrupts_held(pass_on),
        subprocess.Popen(command, text=True, errors="replace", **options) as process,
    ):
        running = process
        for number in heard:  # while it began
            if number != signal.SIGINT:
                process.send_signal(number)
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)
