"""The rules for pull requests, in the order in which they are shown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from dataops_cli.checks import Finding, Result
from dataops_cli.ci.config import FILE
from dataops_cli.ci.pr.check import Change, Check, Place, PlacedFinding, placed
from dataops_cli.ci.pr.description import own_words, template_of
from dataops_cli.ci.pr.title import faults
from dataops_cli.ci.repository import short_name
from dataops_cli.console import visible
from dataops_cli.deploy.git import ask, require

KIB = 1024
MARKS, MARKER_SIZE = (b"<", b"|", b">"), 7
_HUNK = re.compile(rb"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


def look_at_title(change: Change) -> Finding:
    title, rules = change.request.title, change.config.pr
    if title is None:
        return Finding(Result.SKIPPED, "no title is known here", "Try one: dataops ci pr --title TEXT")
    if found := list(faults(title, rules)):
        return Finding(
            Result.FAIL,
            "\n".join(found),
            f"Write it as `type(scope): description`, such as `fix(silver): count returns once`. "
            f"Types: {', '.join(rules.types)}",
        )
    return Finding(Result.OK, "as Conventional Commits have it")


def look_at_description(change: Change) -> Finding:
    body = change.request.body
    if body is None:
        return Finding(Result.SKIPPED, "no description is known here")
    if not own_words(body, template_of(change.repository.top)):
        return Finding(
            Result.FAIL,
            "it is empty, but for what the template says" if body.strip() else "it is empty",
            "Say in it what changes and why.",
        )
    return Finding(Result.OK, "it says something")


def look_at_sizes(change: Change) -> Finding:
    limit, allowed = change.config.pr.file_size_kib, change.config.pr.large_files
    sizes = {
        name: ((change.repository.top / name).stat().st_size, "") for name in change.files_that_are_there
    }
    for name, size in _committed(change):
        if size > sizes.get(name, (0, ""))[0]:
            sizes[name] = size, " in a commit"
    spared = set(change.matching(sizes, allowed))
    places = [
        Place(name, f"{size / KIB:,.0f} KiB{where}, and {limit:,} are allowed")
        for name, (size, where) in sizes.items()
        if name not in spared and size > limit * KIB
    ]
    return placed(
        places,
        f"no changed file is larger than {limit:,} KiB",
        ("file that is too large", "files that are too large"),
        "Keep it elsewhere, and take it out of the branch's commits too: git rebase -i. Where it belongs here: "
        "pr.large_files in .github/dataops-ci.toml",
    )


def look_for_markers(change: Change) -> Finding:
    places = [place for name in change.files_that_are_there for place in _markers(change, name)]
    return placed(
        places,
        "none is added",
        ("line of a conflict", "lines of conflicts"),
        "Resolve the conflict there, then commit. Where a page shows one: "
        "`PATH conflict-marker-size=32` in .gitattributes",
    )


def look_at_merge(change: Change) -> Finding:
    """Merge in memory: nothing is checked out. Source: git-merge-tree(1)."""
    top, head = change.repository.top, change.request.head or "HEAD"
    if ask(top, "cat-file", "-e", f"{head}^{{commit}}").code:
        head = "HEAD"  # a checkout without the pull request's own commit
    done = ask(top, "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", change.target, head)
    target = short_name(change.target)
    if done.code == 1:
        places = tuple(Place(name, f"it conflicts with {target}") for name in done.names[1:])
        fetch = "git fetch && " * change.target.startswith("refs/remotes/")
        return PlacedFinding(
            Result.FAIL,
            f"it conflicts with {target} in {_named(place.file for place in places)}",
            f"Merge or rebase: {fetch}git rebase {target}",
            places=places,
        )
    require(done)
    return Finding(Result.OK, f"it merges with {target}")


def look_at_protected(change: Change) -> Finding:
    """By the rules of the target, too: a change cannot lift what it is under."""
    labels = change.request.labels
    wanted = {
        name: rules.protected_label
        for rules in (change.config.pr, change.config_before.pr)
        for name in change.matching(change.files, rules.protected)
    }
    if not wanted:
        return _rules_that_are_not_read(change) or Finding(Result.OK, "none is changed")
    touched = sorted(wanted)
    count = f"{len(touched)} protected path{'s' * (len(touched) != 1)}"
    missing = sorted(set(wanted.values()) - (labels or frozenset()))
    if not missing:
        return Finding(Result.OK, f"{count} changed, as the label {wanted[touched[0]]} allows")
    return PlacedFinding(
        Result.FAIL if labels is not None else Result.WARN,
        f"{count} changed: {_named(touched)}",
        f"Take it out of this change, or have a reviewer set the label {', '.join(missing)}.",
        places=tuple(
            Place(name, f"it is protected: the label {wanted[name]} is missing")
            for name in touched
            if wanted[name] in missing
        ),
        needs=f"the label {', '.join(missing)}" if labels is None else "",
    )


CHECKS = (
    Check("title", look_at_title),
    Check("description", look_at_description),
    Check("file sizes", look_at_sizes),
    Check("conflict markers", look_for_markers),
    Check("merge", look_at_merge),
    Check("protected paths", look_at_protected),
)


def _rules_that_are_not_read(change: Change) -> Finding | None:
    """GitHub, and so dataops, reads the `.github` of the repository's root only."""
    of_platform = change.repository.root / FILE
    if not change.repository.prefix or not of_platform.exists() or (change.repository.top / FILE).exists():
        return None
    return Finding(
        Result.WARN,
        f"no rules are read: {change.repository.prefix}{FILE} is not at the repository's root",
        f"Move this file to {FILE} at the root. Leave the workflows: they run only where the platform is its "
        "repository's root.",
    )


def _committed(change: Change) -> Iterable[tuple[str, int]]:
    """The files with the size of each version that the change's commits have made, also one that a later one undoes."""
    repository = change.repository
    touched = set(repository.touched(change.base))
    made = [(file, blob) for file, blob in repository.versions(change.base) if file in touched]
    blobs = "".join(f"{blob}\n" for _, blob in made).encode()
    sizes = require(ask(repository.top, "cat-file", "--batch-check=%(objectsize)", stdin=blobs)).text
    return zip((file for file, _ in made), map(int, sizes.split()), strict=True)


def _named(files: Iterable[str]) -> str:
    return ", ".join(map(visible, files))


def _markers(change: Change, name: str) -> list[Place]:
    """The lines that git writes around a conflict, where the change adds them.

    `=======` is left out, which may be a heading's underline. Source: gitattributes(5), "conflict-marker-size".
    """
    top = change.repository.top
    content = (top / name).read_bytes()
    if b"\0" in content[:8000]:  # as git tells that a file is binary
        return []
    _, _, told = require(ask(top, "check-attr", "-z", "conflict-marker-size", "--", name)).names
    size = int(told) if told.isdigit() else MARKER_SIZE
    markers = tuple(mark * size for mark in MARKS)
    written = {
        number
        for number, line in enumerate(content.split(b"\n"), 1)
        if line.startswith(tuple(marker + b" " for marker in markers)) or line.rstrip(b"\r") in markers
    }
    added = written and written & _added_lines(change, name)
    return [Place(name, "a conflict is not resolved here", number) for number in sorted(added)]


def _added_lines(change: Change, name: str) -> set[int]:
    """Their numbers, whatever .gitattributes says of differences in the file. Source: git-diff(1), "Generating patch text"."""
    top = change.repository.top
    is_tracked = ask(top, "ls-files", "--error-unmatch", "--", name).code == 0
    sides = (change.base, "--", name) if is_tracked else ("--no-index", "--", os.devnull, name)
    form = ("--text", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv")
    hunks = _HUNK.findall(ask(top, "diff", *form, *sides).output)
    return {int(first) + number for first, count in hunks for number in range(int(count or 1))}
