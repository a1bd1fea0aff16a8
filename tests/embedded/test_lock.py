"""The lock: one holder, told by name, released by any kind of end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli import durations
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.warehouse.lock import hold, is_held

HOLD = """
import sys, time
from pathlib import Path
from dataops_cli.warehouse.lock import hold
with hold(Path(sys.argv[1]), "dataops run --env local"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holder(folder: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_one_is_refused_with_the_holder_and_the_way_out(tmp_path: Path) -> None:
    process = holder(tmp_path, 30)
    try:
        with pytest.raises(DataopsError) as caught, hold(tmp_path, "second"):
            pass
    finally:
        process.kill()
        process.wait()
    assert caught.value.exit_code is ExitCode.LOCKED
    assert f"`dataops run --env local` (pid {process.pid} of " in caught.value.reason
    assert caught.value.hint == "Wait for it with --lock-wait 10m, or stop it where it runs."


def test_waiting_gets_it_when_the_first_ends(tmp_path: Path) -> None:
    process = holder(tmp_path, 0.5)
    told: list[str] = []
    with hold(tmp_path, "second", wait=20, on_wait=told.append) as lease:
        assert lease.number == 2
    assert len(told) == 1
    assert process.wait() == 0


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    process = holder(tmp_path, 30)
    assert is_held(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    started = time.monotonic()
    assert not is_held(tmp_path)
    with hold(tmp_path, "second") as lease:
        assert lease.number == 2
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("text", "expected"), [("45s", 45), ("10m", 600), ("1h30m", 5400), ("7", 7), ("1.5m", 90)]
)
def test_durations(text: str, expected: float) -> None:
    assert durations.seconds(text) == expected


@given(st.text(max_size=6))
def test_anything_else_is_no_duration(text: str) -> None:
    with suppress(UsageError):
        assert durations.seconds(text) >= 0
