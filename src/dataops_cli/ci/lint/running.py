"""The tools that run, each in a process group of its own, so that none outlives the lint that called it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.process_groups import end_groups, kill_group

GRACE = 3.0  # seconds between SIGTERM and SIGKILL

_lock = threading.Lock()
_running = set[subprocess.Popen[bytes]]()
_ending = threading.Event()


@contextmanager
def tools_end_with_it() -> Iterator[None]:
    """Where the block is interrupted, the tools that its threads run are ended, and no other is begun."""
    _ending.clear()
    try:
        yield
    except BaseException:
        _end_all()
        raise


def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[bytes]:
    """Run a tool, with what it starts. Raises TimeoutExpired, and DataopsError where the lint is interrupted."""
    with _lock:
        if _ending.is_set():
            raise DataopsError("Interrupted", hint="Begin anew.", exit_code=ExitCode.INTERRUPTED)
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        _running.add(process)
    with process:
        try:
            output, said = process.communicate(timeout=seconds)
        finally:
            kill_group(process)  # what it has left running, too
            process.wait()
            with _lock:
                _running.discard(process)
    return subprocess.CompletedProcess(command, process.returncode, output, said)


def _end_all() -> None:
    _ending.set()
    with _lock:
        processes = list(_running)
    end_groups(processes, GRACE)
