"""The lock: one holder, told by name, released by any kind of end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli import durations
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.warehouse.lock import hold, in_use, is_held

HOLD = """
import sys
from pathlib import Path
from dataops_cli.warehouse.lock import hold
with hold(Path(sys.argv[1]), "dataops run --env local"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Who holds the lock until the end of its input."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_one_is_refused_with_the_holder_and_the_way_out(tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        with pytest.raises(DataopsError) as caught, hold(tmp_path, "second"):
            pass
    finally:
        process.kill()
        process.wait()
    assert caught.value.exit_code is ExitCode.LOCKED
    assert f"`dataops run --env local` (pid {process.pid} of " in caught.value.reason
    assert caught.value.hint == "Wait for it with --lock-wait 10m, or stop it where it runs."


def test_a_run_of_airflow_is_stopped_there(tmp_path: Path) -> None:
    with hold(tmp_path, "freshness") as lease:
        lease.reserve("Airflow: dataops_pipeline by hand", 60)
    with pytest.raises(DataopsError) as caught, hold(tmp_path, "second"):
        pass
    stop = (
        "Wait for it with --lock-wait 10m, or stop it: dataops airflow stop 'by hand' --dag dataops_pipeline"
    )
    assert caught.value.hint == stop
    held = "`Airflow: dataops_pipeline by hand` (pid 7 of ada on a machine, since 2026-01-31)"
    assert in_use(held).hint == stop


def test_waiting_gets_it_when_the_first_ends(tmp_path: Path) -> None:
    process = holder(tmp_path)
    told: list[str] = []

    def end_it(user: str) -> None:
        told.append(user)
        threading.Timer(0.3, process.communicate).start()

    with hold(tmp_path, "second", wait=60, on_wait=end_it) as lease:
        assert lease.number == 2
    assert len(told) == 1
    assert process.wait(60) == 0


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    process = holder(tmp_path)
    assert is_held(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not is_held(tmp_path)
    with hold(tmp_path, "second") as lease:
        assert lease.number == 2


@pytest.mark.parametrize(
    ("text", "expected"), [("45s", 45), ("10m", 600), ("1h30m", 5400), ("7", 7), ("1.5m", 90)]
)
def test_durations(text: str, expected: float) -> None:
    assert durations.seconds(text) == expected


@given(st.text(max_size=6))
def test_anything_else_is_no_duration(text: str) -> None:
    with suppress(UsageError):
        assert durations.seconds(text) >= 0
