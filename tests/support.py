"""What tests share besides fixtures."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

Dataops = Callable[..., "subprocess.CompletedProcess[str]"]


def clean_environment(**variables: str) -> dict[str, str]:
    """The environment without anything that would set a setting, nor colours."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("DATAOPS_", "DBT_")) and key not in ("NO_COLOR", "FORCE_COLOR", "CI")
    }
    return kept | variables


# Below those that Linux gives to connections, and above those of the tests' stacks: see test_port_offsets.py.
OWN_PORTS = range(30000, 32768)


def free_port() -> int:
    """A port that nobody has, and no connection gets."""
    while True:
        port = secrets.choice(OWN_PORTS)
        # On all addresses, and without listening there.
        with suppress(OSError), socket.socket() as tried:
            tried.bind(("", port))
            return port


def until(met: Callable[[], object], seconds: float = 240, pause: float = 0.2) -> None:
    """Wait until it is met, looking again after each pause."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(pause)


def wait_for_port(address: str, port: int) -> None:
    """Until somebody listens there."""

    def listens() -> bool:
        with socket.socket() as attempt:
            return attempt.connect_ex((address, port)) == 0

    until(listens)


@contextmanager
def killed_after(process: subprocess.Popen[str], seconds: float = 600) -> Iterator[None]:
    """What is read of the process ends at last."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def absent(promise: str, what: str) -> None:
    """Fail where CI promised an engine and all that goes with it, skip elsewhere."""
    if os.environ.get("DATAOPS_TEST_ENGINE"):
        pytest.fail(f"DATAOPS_TEST_ENGINE promises {promise}, but {what}")
    pytest.skip(f"{what}: .ci/engine sets it up")
