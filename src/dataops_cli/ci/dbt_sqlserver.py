"""The tests on a SQL Server: the platform's own module, where one is there and a server is named."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dataops_cli.ci.dbt_faults import Fault
from dataops_cli.ci.dbt_places import Place
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.processes import call

# As the workflow sets it for its service container; see docs/SQL_SERVER.md.
ADDRESS = "DATAOPS_TEST_SQLSERVER"
MODULE = Path("tests") / "sqlserver" / "test_server.py"
LONGEST_SECONDS = 1200.0
_FAILED = re.compile(r"^(?:FAILED|ERROR) ([^:\s]+)(?:::(\S+))?(?: - (.*))?$", re.MULTILINE)
_PASSWORD = re.compile(r"(?:pwd|password)\s*=\s*(\{[^}]*\}|[^;]*)", re.IGNORECASE)


@dataclass(frozen=True)
class SqlServerTests:
    """`told` says in words what came of them, or why they did not run."""

    ran: bool
    told: str
    faults: tuple[Fault, ...] = ()


def not_run() -> SqlServerTests:
    """What holds until they were looked at."""
    return SqlServerTests(False, "not run on SQL Server: something failed before")


def would_run(root: Path) -> SqlServerTests:
    """Whether they would run, and on what."""
    if not os.environ.get(ADDRESS):
        return SqlServerTests(False, f"not run on SQL Server: no server is named ({ADDRESS})")
    if not (root / MODULE).is_file():
        return SqlServerTests(False, f"not run on SQL Server: this platform has no {MODULE}")
    if find_spec("pytest") is None:
        return SqlServerTests(False, "not run on SQL Server: pytest is not installed")
    return SqlServerTests(True, f"pytest {MODULE}")


def run_tests(root: Path, prefix: str, artifacts: Path) -> SqlServerTests:
    """Run them; what pytest wrote is in `sqlserver-tests.log`. `prefix` is the path of `root` in its repository:
    empty, or `sub/folder/`."""
    planned = would_run(root)
    if not planned.ran:
        return planned
    log = artifacts / "sqlserver-tests.log"
    command = [sys.executable, "-m", "pytest", str(MODULE), "-rfE", "--tb=short", "--color=no"]
    try:
        done = call(  # it leaves the server as it was, also when it is interrupted
            command,
            timeout=LONGEST_SECONDS,
            cwd=root,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except subprocess.TimeoutExpired:
        raise DataopsError(
            f"The tests on SQL Server took longer than {LONGEST_SECONDS / 60:.0f} minutes",
            hint=f"See whether the server that {ADDRESS} names answers.",
            exit_code=ExitCode.UNAVAILABLE,
        ) from None
    text = _without_password(done.stdout + done.stderr)
    log.write_text(text, encoding="utf-8")
    return outcome(text, done.returncode, prefix)


def outcome(text: str, code: int, prefix: str) -> SqlServerTests:
    """From what pytest wrote and its exit code."""
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1].strip("= ") if lines else "pytest wrote nothing"
    faults = tuple(
        Fault(
            f"test {name or file} on SQL Server",
            message or "failed",
            Place(f"{prefix}{file}"),
        )
        for file, name, message in _FAILED.findall(text)
    )
    if code and not faults:
        faults = (Fault("tests on SQL Server", f"pytest ended with exit code {code}: {last}"),)
    elif not code and not re.search(r"\b\d+ passed\b", last):
        faults = (Fault("tests on SQL Server", f"none of them has passed: {last}"),)
    return SqlServerTests(True, f"SQL Server: {last}", faults)


def _environment() -> Mapping[str, str]:
    """Without what GitHub hands to the step: a test that runs this command would write to its files. With CI, pytest
    cuts no message off, in which half a password would be left."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "INPUT_"))}
    return kept | {"CI": "true"}


def _without_password(text: str) -> str:
    for password in _PASSWORD.findall(os.environ.get(ADDRESS, "")):
        if plain := password.strip().strip("{}"):
            text = text.replace(plain, "•••")
    return text
