"""What a change is in git: where the platform lies in its repository, what it is compared with, what it touches."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dataops_cli.deploy.git import ask, known_names, place_in_repository, require
from dataops_cli.errors import UsageError

# Compared with where nothing else is named.
TARGETS = ("main", "master")


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

    def files(self) -> list[str]:
        """The platform's files that git tracks or would add, as they are in the working tree, from its root."""
        _ = self.prefix
        listed = require(
            ask(self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
        )
        return sorted(name for name in listed.names if (self.root / name).is_file())

    def merge_base(self, target: str | None = None) -> str | None:
        """The commit where what is checked out left the target branch; None where there is none to compare with.

        Without a target: the base of the pull request under Actions, else `main` or `master`, of `origin` first.
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
        known = set(known_names(self.root))
        for name in (wanted,) if wanted else TARGETS:
            for ref in (f"refs/remotes/origin/{name}", f"refs/heads/{name}"):
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
            f"There is no branch or commit {wanted} here to compare with",
            hint=f"Fetch it, with its history: git fetch --unshallow origin {wanted}",
        )

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
        names = ("log", "--format=", "--name-only", "-z", "--no-renames", "-c", f"{base}..HEAD", "--")
        in_commits = [name.strip("\n") for name in require(ask(self.top, *names)).names]
        return sorted({name for name in in_commits if name} | set(self.changed(base)))
