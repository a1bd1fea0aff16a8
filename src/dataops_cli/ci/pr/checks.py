"""The rules for pull requests, in the order in which they are shown."""

from __future__ import annotations

from dataops_cli.checks import Finding, Result
from dataops_cli.ci.paths import matching
from dataops_cli.ci.pr.check import Change, Check, Place, PlacedFinding, placed
from dataops_cli.ci.pr.description import own_words, template_of
from dataops_cli.ci.pr.title import faults
from dataops_cli.deploy.git import ask, require

KIB = 1024
MARKERS = ("<" * 7, "|" * 7, ">" * 7)


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
    there = change.files_that_are_there
    spared = set(matching(there, allowed))
    places = [
        Place(name, f"{size / KIB:,.0f} KiB, and {limit:,} are allowed")
        for name in there
        if name not in spared and (size := (change.repository.top / name).stat().st_size) > limit * KIB
    ]
    return placed(
        places,
        f"no changed file is larger than {limit:,} KiB",
        "file that is too large",
        "Keep it elsewhere, and take it out of the branch's commits too: git rebase -i. Where it belongs here: "
        "pr.large_files in .github/dataops-ci.toml",
    )


def look_for_markers(change: Change) -> Finding:
    places = [place for name in change.files_that_are_there for place in _markers(change, name)]
    return placed(
        places, "none in the changed files", "line of a conflict", "Resolve the conflict there, then commit."
    )


def look_at_merge(change: Change) -> Finding:
    """Merge in memory: nothing is checked out. Source: git-merge-tree(1)."""
    top, head = change.repository.top, change.request.head or "HEAD"
    if ask(top, "cat-file", "-e", f"{head}^{{commit}}").code:
        head = "HEAD"  # a checkout without the pull request's own commit
    done = ask(top, "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", change.target, head)
    shown = change.target.removeprefix("refs/remotes/").removeprefix("refs/heads/")
    if done.code == 1:
        places = tuple(Place(name, f"it conflicts with {shown}") for name in done.names[1:])
        return PlacedFinding(
            Result.FAIL,
            f"it conflicts with {shown} in {', '.join(place.file for place in places)}",
            f"Merge or rebase: git fetch && git rebase {shown}",
            places=places,
        )
    require(done)
    return Finding(Result.OK, f"it merges with {shown}")


def look_at_protected(change: Change) -> Finding:
    """By the rules of the target, too: a change cannot lift what it is under."""
    labels = change.request.labels
    wanted = {
        name: rules.protected_label
        for rules in (change.config.pr, change.config_before.pr)
        for name in matching(change.files, rules.protected)
    }
    if not wanted:
        return Finding(Result.OK, "none is changed")
    touched = sorted(wanted)
    count = f"{len(touched)} protected path{'s' * (len(touched) != 1)}"
    missing = sorted(set(wanted.values()) - (labels or frozenset()))
    if not missing:
        return Finding(Result.OK, f"{count} changed, as the label {wanted[touched[0]]} allows")
    return PlacedFinding(
        Result.FAIL if labels is not None else Result.WARN,
        f"{count} changed: {', '.join(touched)}",
        f"Take it out of this change, or have a reviewer set the label {', '.join(missing)}.",
        places=tuple(
            Place(name, f"it is protected: the label {wanted[name]} is missing")
            for name in touched
            if wanted[name] in missing
        ),
    )


CHECKS = (
    Check("title", look_at_title),
    Check("description", look_at_description),
    Check("file sizes", look_at_sizes),
    Check("conflict markers", look_for_markers),
    Check("merge", look_at_merge),
    Check("protected paths", look_at_protected),
)


def _markers(change: Change, name: str) -> list[Place]:
    """The lines that git writes around a conflict; `=======` alone may be a heading's underline."""
    content = (change.repository.top / name).read_bytes()
    if b"\0" in content[:8000]:  # as git tells that a file is binary
        return []
    return [
        Place(name, "a conflict is not resolved here", number)
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1)
        if line.startswith(tuple(f"{marker} " for marker in MARKERS)) or line in MARKERS
    ]
