"""Prometheus' own judgement of metrics."""

from __future__ import annotations

import os
import subprocess
from shutil import which

import pytest


def complaints(exposed: str) -> str:
    """What promtool finds wrong with a text; the test is skipped, or fails, where there is no promtool."""
    promtool = which("promtool")
    if promtool is None:
        if os.environ.get("DATAOPS_TEST_PROMTOOL"):
            pytest.fail("DATAOPS_TEST_PROMTOOL promises promtool, but it is not there")
        pytest.skip("no promtool: Debian's package prometheus has it")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=exposed, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr + f"exit code {done.returncode}" * bool(done.returncode)
