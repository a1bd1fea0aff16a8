"""The programs that checks call: those of the environment that dataops is installed in, else those of the PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dataops_cli.errors import DataopsError, ExitCode

SECONDS = 600.0
# What would change a tool's output, and what none of them is to have.
NOT_PASSED = frozenset(
    [
        "CLICOLOR_FORCE",
        "FORCE_COLOR",
        "GH_TOKEN",
        "GITHUB_TOKEN",
        # As git sets them for hooks.
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_WORK_TREE",
    ]
)
SHOWN = 12


def call(
    tool: str,
    *arguments: str,
    folder: Path,
    files: Sequence[str] = (),
    codes: Collection[int] = (0, 1),
    telling: Collection[int] = (),
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a tool in a folder, on files from there. Returns what it prints.

    Raises DataopsError where it is not installed, is not done in time, or ends with a code that is not among `codes`, or
    with one of `telling` and prints nothing: it has found nothing then because it has looked at nothing.
    """
    try:
        done = subprocess.run(
            [path_of(tool), *arguments, *map(_no_option, files)],
            cwd=folder,
            env=_environment(environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DataopsError(
            f"{tool} was not done after {SECONDS:g} seconds", hint=f"Run it by itself: {tool} {arguments[0]}"
        ) from None
    is_mute = done.returncode in telling and not done.stdout.strip()
    if done.returncode not in codes or is_mute:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise DataopsError(
            f"{tool} failed (exit code {done.returncode})",
            hint="Mend what it names; it is given the platform's files as they are.",
            details=tuple(said[-SHOWN:]),
        )
    return done.stdout.decode("utf-8", "replace")


def path_of(tool: str) -> str:
    """Where a tool is. Raises DataopsError (exit 3) where it is not installed."""
    if found := shutil.which(tool, path=_search_path()):
        return found
    raise DataopsError(
        f"{tool} is not installed",
        hint="Install what the checks call: pip install 'dataops-cli[ci]'",
        exit_code=ExitCode.UNAVAILABLE,
    )


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's, but for what is not passed on; dbt's own variables would change what it reads."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("DBT_", "SQLFLUFF_")) and key not in NOT_PASSED
    }
    return {**kept, "PATH": _search_path(), "NO_COLOR": "1", "PYTHONUTF8": "1", **more}


def _search_path() -> str:
    """A tool calls others too, such as actionlint shellcheck."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def _no_option(file: str) -> str:
    return f"./{file}" if file.startswith("-") else file
