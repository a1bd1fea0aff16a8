"""What tests share besides fixtures."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
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


def absent(promise: str, what: str) -> None:
    """Fail where CI promised an engine and all that goes with it, skip elsewhere."""
    if os.environ.get("DATAOPS_TEST_ENGINE"):
        pytest.fail(f"DATAOPS_TEST_ENGINE promises {promise}, but {what}")
    pytest.skip(f"{what}: .ci/engine sets it up")
