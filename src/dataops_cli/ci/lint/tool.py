"""The programs that checks call: those of the environment that dataops is installed in, else those of the PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from dataops_cli.ci.lint.running import run
from dataops_cli.deploy.git import OF_ANOTHER_REPOSITORY
from dataops_cli.errors import DataopsError, ExitCode

SECONDS = 600.0
# What would change a tool's output, and what none of them is to have.
NOT_PASSED = {
    "CLICOLOR_FORCE",
    "FORCE_COLOR",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "RUST_BACKTRACE",
    *OF_ANOTHER_REPOSITORY,
}
SHOWN = 12
# Of names in one command line: the system's limit counts the variables, too.
BYTES = os.sysconf("SC_ARG_MAX") // 4


class ToolError(DataopsError):
    """A tool has failed; `said` is all that it printed of it."""

    def __init__(self, tool: str, code: int, said: str) -> None:
        super().__init__(
            f"{tool} failed (exit code {code})",
            hint="Mend what it names; it is given the platform's files as they are.",
            details=tuple(said.splitlines()[-SHOWN:]),
        )
        self.said = said


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

    Raises DataopsError where it is not installed or not done in time, ToolError where it ends with a code that is not
    among `codes`, or with one of `telling` and prints nothing: it has found nothing then because it has looked at nothing.
    """
    try:
        command = [paths_of([tool])[tool], *arguments, *map(_no_option, files)]
        done = run(command, folder, _environment(environment or {}), SECONDS)
    except subprocess.TimeoutExpired:
        raise DataopsError(
            f"{tool} was not done after {SECONDS:g} seconds", hint=f"Run it by itself: {tool} {arguments[0]}"
        ) from None
    is_mute = done.returncode in telling and not done.stdout.strip()
    if done.returncode not in codes or is_mute:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise ToolError(tool, done.returncode, said)
    return done.stdout.decode("utf-8", "replace")


def batches(files: Iterable[str]) -> Iterator[list[str]]:
    """The files in as many parts as command lines are needed, which can have so many bytes."""
    batch, size = list[str](), 0
    for file in files:
        more = len(os.fsencode(file)) + 1
        if batch and size + more > BYTES:
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += more
    if batch:
        yield batch


def paths_of(tools: Iterable[str]) -> dict[str, str]:
    """Where each tool is. Raises DataopsError (exit 3) with all those that are not installed."""
    found = {tool: shutil.which(tool, path=_search_path()) for tool in tools}
    if missing := [tool for tool, path in found.items() if not path]:
        raise DataopsError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed",
            hint="Install what the checks call: pip install 'dataops-cli[ci]'",
            exit_code=ExitCode.UNAVAILABLE,
        )
    return {tool: path for tool, path in found.items() if path}


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
