"""The commit that a change is compared with: where it left the branch it goes back to."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dataops_cli.ci.pull_request import PullRequest
from dataops_cli.ci.repository import Repository, short_name
from dataops_cli.deploy.commit import Commit, current_branch, is_dirty, resolve
from dataops_cli.deploy.git import ask, require
from dataops_cli.errors import UsageError

DEEPER = (
    "Fetch the history: `fetch-depth: 0` of actions/checkout in a workflow, elsewhere git fetch --unshallow"
)


@dataclass(frozen=True)
class Base:
    """`commit` is None where there is nothing to compare with; `told` says in words which one it is, or why there is
    none, and `remedy` how there would be one."""

    commit: Commit | None
    told: str
    remedy: str = ""


def find_base(root: Path, asked: str | None, pull_request: PullRequest | None) -> Base:
    """The commit where the working tree left `asked`, or else the pull request's or the usual branch.

    Raises UsageError where `asked` names no commit of a whole clone.
    """
    repository = Repository(root)
    if not repository.has_commits():
        return Base(None, "there is no commit yet")
    shallow = repository.is_shallow()
    try:
        target = _target(repository, asked, pull_request)
    except UsageError:
        if not shallow:
            raise
        target = None
    if target:
        return _meeting(root, target, shallow=shallow)
    if shallow:
        return Base(None, "this clone is shallow and lacks the commit to compare with", DEEPER)
    missing = f"no branch {pull_request.base} of origin" if pull_request else "no branch main or master"
    return Base(None, f"there is {missing}", "Fetch it, or name what to compare with: --base REF")


def find_head(root: Path, pull_request: PullRequest | None) -> str | None:
    """The commit that is looked at: the pull request's, not what GitHub has merged it into; None before the first."""
    if pull_request and pull_request.head:
        return pull_request.head
    answer = ask(root, "rev-parse", "--verify", "--quiet", "HEAD")
    return None if answer.code else answer.text


@dataclass(frozen=True)
class _Target:
    """What the change goes back to: `ref` as git takes it, `name` as it is told."""

    ref: str
    name: str


def _target(repository: Repository, asked: str | None, pull_request: PullRequest | None) -> _Target | None:
    if asked or pull_request is None:
        ref = repository.target(asked)
        return _named(ref, asked or ref) if ref else None
    name = pull_request.base or "its target"
    # Actions checks a pull request out as GitHub would merge it: then its first parent is what it would go onto.
    merged = ask(repository.root, "rev-parse", "--verify", "--quiet", "HEAD^2")
    if merged.code == 0 and merged.text == pull_request.head:
        return _Target("HEAD^1", name)
    for wanted in filter(None, (pull_request.base, pull_request.base_sha)):
        with suppress(UsageError):
            if ref := repository.target(wanted):
                return _named(ref, name)
    return None


def _named(ref: str, commit: str) -> _Target:
    """By its branch, or where it is a commit as that is called."""
    return _Target(ref, short_name(ref) if ref.startswith("refs/") else commit)


def _meeting(root: Path, target: _Target, *, shallow: bool) -> Base:
    """The last commit that the target and what is checked out have in common; of the target itself, the one before."""
    answer = ask(root, "merge-base", target.ref, "HEAD")
    if answer.code or not answer.text:
        lacking = (
            "this clone is shallow and lacks the commit where it left"
            if shallow
            else "nothing is shared with"
        )
        return Base(None, f"{lacking} {target.name}", DEEPER if shallow else "Name another one: --base REF")
    found = resolve(root, answer.text)
    head = require(ask(root, "rev-parse", "HEAD")).text
    if found.sha != head or is_dirty(root) or not _is_checked_out(root, target):
        of = "" if found.sha.startswith(target.name) else f" of {target.name}"
        return Base(found, f"{found.short}{of}: {found.subject}")
    before = ask(root, "rev-parse", "--verify", "--quiet", "HEAD^1")
    if before.code:
        if shallow:
            return Base(None, "this clone is shallow and lacks the commit before", DEEPER)
        return Base(None, f"{target.name} has no commit before its first one, which is checked out")
    found = resolve(root, before.text)
    return Base(
        found, f"{found.short}, the commit before, since {target.name} is checked out: {found.subject}"
    )


def _is_checked_out(root: Path, target: _Target) -> bool:
    """Whether HEAD is on the target's branch or, as in a workflow, on none: not on one that has no commit of its own
    yet, which changes nothing."""
    branch = current_branch(root)
    named = ask(root, "rev-parse", "--abbrev-ref", target.ref).text  # `origin/main` also of `origin/HEAD`
    return branch is None or branch == named.removeprefix("origin/")
