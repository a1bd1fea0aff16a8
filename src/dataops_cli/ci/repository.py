"""What a change is in git: where the platform lies in its repository, what it is compared with, what it touches."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dataops_cli.console import visible
from dataops_cli.deploy.git import ask, known_names, place_in_repository, require
from dataops_cli.errors import UsageError
from dataops_cli.settings.layers import nearest

# Compared with where nothing else is named. HEAD, of origin only, is its default branch, and last: of a clone of a clone
# it is whatever was checked out there.
TARGETS = ("main", "master", "HEAD")
REGULAR = "100"  # how the mode of a regular file begins


@dataclass(frozen=True)
class Repository:
    """The git repository of a platform, whose root may be a folder in it."""

    root: Path

    @cached_property
    def prefix(self) -> str:
        """The platform's path from the repository's root: empty, or `sub/folder/`."""
        try:
            _, below = place_in_repository(self.root)
        except UsageError:
            raise UsageError(
                f"{self.root} is in no git repository, which says what its files are",
                hint="Keep the platform in git: git init && git add --all",
            ) from None
        return f"{below}/" if below else ""

    @cached_property
    def top(self) -> Path:
        return place_in_repository(self.root)[0]

    def files(self, *, tracked: bool = False) -> list[str]:
        """The platform's files that git tracks or would add, as they are in the working tree, from its root.

        With `tracked`, without those that it would add: what is staged is tracked.
        """
        _ = self.prefix
        new = () if tracked else ("--others", "--exclude-standard")
        listed = require(ask(self.root, "ls-files", "-z", "--cached", *new, "--deduplicate"))
        return sorted(name for name in listed.names if (self.root / name).is_file())

    def merge_base(self, target: str | None = None) -> str | None:
        """The commit where what is checked out left the target branch; None where there is none to compare with.

        Without a target: the base of the pull request under Actions, else `main` or `master`, of `origin` first, else
        origin's default branch.
        Raises UsageError for a target that is not known here.
        """
        ref = self.target(target)
        if ref is None:
            return None
        base = ask(self.root, "merge-base", ref, "HEAD")
        return base.text if base.code == 0 else None

    def target(self, named: str | None = None) -> str | None:
        """The full name of the branch, or the commit, that the change goes to."""
        _ = self.prefix
        wanted = named or os.environ.get("GITHUB_BASE_REF")
        known = (
            set(known_names(self.root)) if wanted != "HEAD" else set()
        )  # which is what is checked out, if named
        for name in (wanted,) if wanted else TARGETS:
            for ref in (f"refs/remotes/origin/{name}", f"refs/heads/{name}", f"refs/remotes/{name}"):
                if ref in known:
                    return ref
        if not wanted:
            return None
        if (
            not wanted.startswith("-")
            and (found := ask(self.root, "rev-parse", "--verify", f"{wanted}^{{commit}}")).code == 0
        ):
            return found.text
        raise UsageError(
            f"There is no branch or commit {visible(wanted)} here to compare with",
            hint=self._how_to_get(wanted),
        )

    def has_commits(self) -> bool:
        return ask(self.root, "rev-parse", "--verify", "--quiet", "HEAD").code == 0

    def is_shallow(self) -> bool:
        return ask(self.root, "rev-parse", "--is-shallow-repository").text == "true"

    def told_branches(self) -> str:
        names = ", ".join(map(visible, self._branches()))
        return f"There are: {names}" if names else "There is none yet"

    def _branches(self) -> list[str]:
        """The names of the branches, those of origin among them without its name."""
        refs = known_names(self.root, "refs/heads", "refs/remotes/origin")
        names = {ref.removeprefix("refs/heads/").removeprefix("refs/remotes/origin/") for ref in refs}
        return sorted(names - {"HEAD"})

    def _how_to_get(self, wanted: str) -> str:
        name = wanted.removeprefix("origin/")
        if not self.has_commits():
            return "Commit the platform first: git add --all && git commit"
        if self.is_shallow():
            return f"Fetch it, with its history: git fetch --unshallow origin {shlex.quote(name)}"
        if meant := nearest(name, self._branches()):
            return f"Did you mean {visible(meant)}?"
        if ask(self.root, "remote", "get-url", "origin").code:
            return self.told_branches()
        return f"{self.told_branches()}. One that is on GitHub only: git fetch origin {shlex.quote(name)}"

    def changed(self, base: str) -> list[str]:
        """The files that differ from a commit in the working tree, or are new there; from the repository's root.

        What was deleted is among them.
        """
        differ = require(ask(self.top, "diff", "--name-only", "-z", "--no-renames", base, "--"))
        new = require(ask(self.top, "ls-files", "-z", "--others", "--exclude-standard"))
        return sorted({*differ.names, *new.names})

    def touched(self, base: str) -> list[str]:
        """The files that any commit since then has touched, or that differ now; from the repository's root.

        Of a merge, such as Actions checks out, those that are as in none of its parents (`-c`).
        """
        names = ("--format=", "--name-only", "-z", "--no-renames", "-c")
        log = ask(self.top, "log", "--no-show-signature", *names, f"{base}..HEAD", "--")
        in_commits = [name.strip("\n") for name in require(log).names]
        return sorted({name for name in in_commits if name} | set(self.changed(base)))

    def versions(self, base: str) -> list[tuple[str, str]]:
        """Each version of a file that any commit since then has made, also one that a later commit undoes: the file from
        the repository's root, and its blob.

        Of a merge, what differs from any of its parents. Source: git-diff(1), "Raw output format".
        """
        form = ("--diff-merges=separate", "--raw", "-z", "--no-abbrev", "--no-renames", "--format=")
        log = ask(self.top, "log", "--no-show-signature", *form, f"{base}..HEAD", "--")
        listed, found = iter(require(log).names), dict[tuple[str, str], None]()
        for entry in listed:
            if (description := entry.strip("\n")).startswith(":"):
                _, mode, _, blob, _ = description.split(" ")
                file = next(listed)
                if mode.startswith(REGULAR):
                    found[file, blob] = None
        return list(found)


def short_name(ref: str) -> str:
    """A branch as git's commands take it and people read it: `origin/main`; a commit stays as it is."""
    return ref.removeprefix("refs/remotes/").removeprefix("refs/heads/")
