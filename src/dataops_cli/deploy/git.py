"""git, asked about the repository that a platform lies in. It never asks anything back and takes no locks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dataops_cli.errors import DataopsError, ExitCode, UsageError

SECONDS = 60.0

# What git sets for hooks: there it names another repository than the one of the folder.
# Source: `git rev-parse --local-env-vars`.
OF_ANOTHER_REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
_ALWAYS = {
    "LC_ALL": "C",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
# For what has to be as it was committed: without this machine's line ends and attributes.
_AS_COMMITTED = ("-c", "core.attributesFile=/dev/null", "-c", "core.autocrlf=false", "-c", "core.eol=lf")


@dataclass(frozen=True)
class Answer:
    """What git returned. Names of files in `output` are bytes of any kind; see `text` and `names`."""

    code: int
    output: bytes
    complaint: str

    @property
    def text(self) -> str:
        """The output without the line's end that git adds."""
        return self.output.decode("utf-8", "replace").removesuffix("\n")

    @property
    def names(self) -> list[str]:
        """The entries of an output with `-z`, as Python names files."""
        return [os.fsdecode(name) for name in self.output.split(b"\0") if name]


def ask(
    folder: Path,
    *arguments: str,
    into: IO[bytes] | None = None,
    stdin: bytes = b"",
    seconds: float = SECONDS,
    as_committed: bool = False,
) -> Answer:
    """Run git in a folder; its output goes to `into` where that is given. What it returns is the caller's to judge.

    Raises DataopsError where git is missing or does not answer, UsageError where the folder is in no repository.
    """
    environment = {key: value for key, value in os.environ.items() if key not in OF_ANOTHER_REPOSITORY}
    if as_committed:
        environment["GIT_ATTR_NOSYSTEM"] = "1"
    settings = _AS_COMMITTED if as_committed else ()
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *settings, *arguments],
            input=stdin,
            stdout=into or subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=seconds,
            check=False,
            env=environment | _ALWAYS,
        )
    except FileNotFoundError:
        raise DataopsError(
            "git is not installed",
            hint="Install it, for example: sudo apt-get install git",
            exit_code=ExitCode.UNAVAILABLE,
        ) from None
    except subprocess.TimeoutExpired:
        raise DataopsError(
            f"git {arguments[0]} did not answer within {seconds:g} seconds in {folder}",
            hint="See whether the disk answers: git status",
            exit_code=ExitCode.UNAVAILABLE,
        ) from None
    answer = Answer(done.returncode, done.stdout or b"", done.stderr.decode("utf-8", "replace").strip())
    if answer.code and "not a git repository" in answer.complaint:
        raise UsageError(
            f"{folder} is in no git repository, and a release is made from a commit",
            hint="Keep the platform in git: git init && git add --all && git commit",
        )
    return answer


def require(answer: Answer) -> Answer:
    """The answer, if git did what it was asked. Raises DataopsError with what git says."""
    if answer.code:
        first, *rest = answer.complaint.splitlines() or [f"exit code {answer.code}"]
        # git's own advice, such as for a folder of another user, is its last line.
        advice = rest[-1].strip() if rest else "See what git says: git status"
        raise DataopsError(
            f"git refuses: {first.removeprefix('fatal: ')}", hint=advice, exit_code=ExitCode.UNAVAILABLE
        )
    return answer


def place_in_repository(root: Path) -> tuple[Path, str]:
    """The repository's top level, and the path of `root` below it: `` or `sub/folder`."""
    return Path(os.fsdecode(_line(root, "--show-toplevel"))), os.fsdecode(
        _line(root, "--show-prefix")
    ).removesuffix("/")


def _line(root: Path, question: str) -> bytes:
    return require(ask(root, "rev-parse", question)).output.removesuffix(b"\n")


def known_names(root: Path, *patterns: str) -> Sequence[str]:
    """The full names of branches, remote branches and tags, or of those that match."""
    wanted = patterns or ("refs/heads", "refs/remotes", "refs/tags")
    return require(ask(root, "for-each-ref", "--format=%(refname)", *wanted)).text.splitlines()
