"""What is asked of a pull request, each rule a function that returns what it found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from dataops_cli.checks import Finding, Result
from dataops_cli.ci.config import FILE, Config, parse_config
from dataops_cli.ci.pull_request import PullRequest
from dataops_cli.ci.repository import Repository
from dataops_cli.deploy.git import ask
from dataops_cli.errors import UsageError


@dataclass(frozen=True)
class Place:
    """A file from the repository's root, and what is wrong there."""

    file: str
    message: str
    line: int | None = None


@dataclass(frozen=True)
class PlacedFinding(Finding):
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Change:
    """A pull request with what it changes in the repository."""

    request: PullRequest
    repository: Repository
    config: Config

    @cached_property
    def target(self) -> str:
        """Raises UsageError where it is not known."""
        if found := self.repository.target(self.request.base):
            return found
        raise UsageError(
            "It is not known into which branch this is to be merged",
            hint="Name it: dataops ci pr --base main",
        )

    @cached_property
    def base(self) -> str:
        """The commit where the change left its target."""
        if found := self.repository.merge_base(self.request.base):
            return found
        raise UsageError(
            f"What is checked out and {self.target} have no commit in common",
            hint="Fetch the whole history: git fetch --unshallow",
        )

    @cached_property
    def files(self) -> list[str]:
        """The changed files, those that were deleted among them."""
        return self.repository.changed(self.base)

    @cached_property
    def config_before(self) -> Config:
        """What the target asks for: the change's own where it has none, or none that can be read."""
        there = ask(self.repository.top, "show", f"{self.base}:{FILE.as_posix()}")
        try:
            return parse_config(there.output) if there.code == 0 else self.config
        except UsageError:
            return self.config

    @cached_property
    def files_that_are_there(self) -> list[str]:
        return [
            name
            for name in self.files
            if (path := self.repository.top / name).is_file() and not path.is_symlink()
        ]


@dataclass(frozen=True)
class Check:
    name: str
    look: Callable[[Change], Finding]


def placed(places: Sequence[Place], good: str, bad: str, remedy: str) -> Finding:
    """A failure where there are places; `bad` is what each is one of."""
    if not places:
        return Finding(Result.OK, good)
    count = f"{len(places)} {bad}{'s' * (len(places) != 1)}"
    return PlacedFinding(Result.FAIL, count, remedy, places=tuple(places))
