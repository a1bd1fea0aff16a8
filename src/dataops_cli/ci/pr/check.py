"""What is asked of a pull request, each rule a function that returns what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from dataops_cli.checks import Finding, Result
from dataops_cli.ci.config import FILE, Config, parse_config
from dataops_cli.ci.paths import matching
from dataops_cli.ci.pull_request import PullRequest
from dataops_cli.ci.repository import Repository, short_name
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
    """`needs` is what it takes to be merged, which is not known here."""

    places: tuple[Place, ...] = ()
    needs: str = ""


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
        if not self.repository.has_commits():
            raise UsageError(
                "There is no commit yet, so nothing can be merged",
                hint="Commit the platform first: git add --all && git commit",
            )
        raise UsageError(
            "It is not known into which branch this is to be merged",
            hint=f"Name it by --base. {self.repository.told_branches()}",
        )

    @cached_property
    def base(self) -> str:
        """The commit where the change left its target. Raises UsageError where there is none."""
        _ = self.target
        if found := self.repository.merge_base(self.request.base):
            return found
        raise UsageError(
            f"What is checked out and {short_name(self.target)} have no commit in common",
            hint="Fetch the whole history: git fetch --unshallow"
            if self.repository.is_shallow()
            else f"Name another one by --base. {self.repository.told_branches()}",
        )

    @cached_property
    def files(self) -> list[str]:
        """The changed files, those that were deleted among them."""
        return self.repository.changed(self.base)

    def matching(self, paths: Iterable[str], patterns: Sequence[str]) -> list[str]:
        """The paths that the patterns match, from the repository's root or from the platform's folder in it."""
        there, prefix = list(paths), self.repository.prefix
        found = set(matching(there, patterns))
        if prefix:
            inside = (path.removeprefix(prefix) for path in there if path.startswith(prefix))
            found |= {prefix + path for path in matching(inside, patterns)}
        return [path for path in there if path in found]

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


def placed(places: Sequence[Place], good: str, bad: tuple[str, str], remedy: str) -> Finding:
    """A failure where there are places; `bad` is what one of them is, and what several are."""
    if not places:
        return Finding(Result.OK, good)
    count = f"{len(places)} {bad[len(places) != 1]}"
    return PlacedFinding(Result.FAIL, count, remedy, places=tuple(places))
