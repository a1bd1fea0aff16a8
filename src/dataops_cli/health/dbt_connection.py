"""Whether dbt begins, reads its profile and reaches the warehouse: `dbt debug`, in a process of its own.

In ours it would share DuckDB's files and the process's variables with the other checks, and could not be ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dataops_cli.checks import Finding, Result
from dataops_cli.errors import DataopsError
from dataops_cli.health.check import Subject
from dataops_cli.health.data_findings import UNPUBLISHED
from dataops_cli.health.data_reading import bounded
from dataops_cli.settings.model import Engine
from dataops_cli.warehouse.select import open_warehouse

# Seconds until it ends, also where nobody is left to end it: whoever looks may wait for less, or be killed.
PATIENCE = 30
SHOWN_LINES = 5
DBT = "import signal, sys; signal.alarm(int(sys.argv.pop(1))); from dbt.cli.main import cli; cli()"
QUIET = (
    "--no-use-colors",
    "--log-format",
    "text",
    "--log-level-file",
    "none",
    "--no-send-anonymous-usage-stats",
)
HINT = "See all that dbt says: dataops dbt debug; the profile is dbt/profiles.yml"


def look(subject: Subject) -> Finding:
    settings = bounded(subject.environment.settings)
    warehouse = open_warehouse(settings, subject.project.state(subject.environment.name))
    if settings.warehouse.engine is Engine.DUCKDB and warehouse.published() is None:
        return UNPUBLISHED  # there is no file to connect to
    code, output = debug(subject.project.dbt.resolve(), warehouse.published_dbt_environment())
    return judge(code, output)


def debug(project: Path, variables: Mapping[str, str], patience: int = PATIENCE) -> tuple[int, str]:
    """Its exit code and what it printed. Raises DataopsError where it does not end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    # dbt makes the folder of its logs, which it does not write: one that is there, and that nobody need remove.
    arguments = [*QUIET, "--log-path", str(project), "debug", "--connection"]
    arguments += ["--project-dir", str(project), "--profiles-dir", str(project)]
    ended = subprocess.run(
        [sys.executable, "-c", DBT, str(patience), *arguments],
        cwd=project,
        env={**kept, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if ended.returncode == -signal.SIGALRM:
        raise DataopsError(f"dbt debug did not end within {patience} s", hint=HINT)
    return ended.returncode, ended.stdout


def judge(code: int, output: str) -> Finding:
    lines = [line.split("  ", 1)[-1].strip() for line in output.splitlines() if line.strip()]
    if code == 0:
        told = dict(line.split(" version: ", 1) for line in lines if " version: " in line)
        adapter = next((line.split(": ", 1)[1] for line in lines if line.startswith("adapter type: ")), "?")
        found = f"dbt {told.get('dbt', '?')} with {adapter} {told.get('adapter', '?')} reaches the warehouse"
        return Finding(Result.OK, found)
    at = next((place for place, line in enumerate(lines) if "check failed:" in line), None)
    telling = lines[at + 1 :] if at is not None else lines[-SHOWN_LINES:]
    telling = [line for line in telling if not line.startswith(("Check your database", "https://"))]
    return Finding(
        Result.FAIL, "\n".join(telling[:SHOWN_LINES]) or f"dbt debug ended with exit code {code}", HINT
    )
