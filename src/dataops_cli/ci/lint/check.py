"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dataops_cli.ci.config import Config, read_config
from dataops_cli.ci.repository import Repository
from dataops_cli.project import Project

SHEBANG_BYTES = 128


@dataclass(frozen=True)
class Finding:
    """What a check has to say of a file, a path from the platform's root. `line` and `column` count from 1."""

    file: str
    line: int | None
    rule: str
    message: str
    column: int | None = None

    @property
    def place(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)


@dataclass(frozen=True)
class Subject:
    """The platform that is looked at, and the target branch that is named on the command line.

    With `tracked`, files that git does not track are left out.
    """

    project: Project
    base: str | None = None
    tracked: bool = False

    @property
    def root(self) -> Path:
        return self.project.root

    @cached_property
    def config(self) -> Config:
        return read_config(self.repository.top)

    @cached_property
    def repository(self) -> Repository:
        return Repository(self.root)

    @cached_property
    def files(self) -> list[str]:
        """The platform's files that git tracks, or would add."""
        return self.repository.files(tracked=self.tracked)

    def ending(self, *endings: str) -> list[str]:
        return [name for name in self.files if name.endswith(endings)]

    def scripts(self, *interpreters: str) -> list[str]:
        """The files whose first line names one of the interpreters."""
        return [name for name, interpreter in self._interpreters.items() if interpreter in interpreters]

    @cached_property
    def _interpreters(self) -> dict[str, str]:
        named = ((name, _interpreter(self.root / name)) for name in self.files if not Path(name).suffix)
        return {name: interpreter for name, interpreter in named if interpreter}


@dataclass(frozen=True)
class Check:
    """`files` names those that are looked at: with none, the check is skipped, and `nothing` says why.

    `tools` are programs that it calls. `fix` changes those of the files that its tool can mend.

    `look` and `fix` raise DataopsError where a tool is missing or does not do its work.
    """

    name: str
    about: str
    tools: Sequence[str]
    files: Callable[[Subject], list[str]]
    look: Callable[[Subject, Sequence[str]], list[Finding]]
    remedy: str
    nothing: str = "no such files"
    fix: Callable[[Subject, Sequence[str]], None] | None = None


def _interpreter(path: Path) -> str:
    """`python3` of `#!/usr/bin/env python3`, `sh` of `#!/bin/sh`; empty where there is none."""
    with path.open("rb") as file:
        first = file.read(SHEBANG_BYTES).partition(b"\n")[0]
    if not first.startswith(b"#!"):
        return ""
    words = first[2:].decode("utf-8", "replace").split()
    if words and words[0].endswith("/env"):
        words = [word for word in words[1:] if not word.startswith("-")]
    return Path(words[0]).name if words else ""
