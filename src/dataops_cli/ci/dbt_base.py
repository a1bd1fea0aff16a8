"""The commit that a change is compared with: where it left the branch it goes back to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dataops_cli.ci.pull_request import PullRequest
from dataops_cli.deploy.commit import Commit, is_dirty, resolve
from dataops_cli.deploy.git import ask, require
from dataops_cli.errors import DataopsError, ExitCode

# On a laptop, where no pull request says what it goes back to.
USUAL = ("origin/HEAD", "origin/main", "main", "origin/master", "master")
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
    if ask(root, "rev-parse", "--verify", "--quiet", "HEAD").code:
        return Base(None, "there is no commit yet")
    shallow = require(ask(root, "rev-parse", "--is-shallow-repository")).text == "true"
    if asked:
        try:
            return _meeting(root, asked, resolve(root, asked).sha, shallow=shallow)
        except DataopsError as error:
            if error.exit_code != ExitCode.UNAVAILABLE:
                raise
            return Base(None, error.reason, DEEPER)
    for name in _candidates(root, pull_request):
        try:
            sha = resolve(root, name).sha
        except DataopsError:
            continue
        return _meeting(root, name, sha, shallow=shallow)
    if shallow:
        return Base(None, "this clone is shallow and lacks the commit to compare with", DEEPER)
    missing = f"no branch {pull_request.base} of origin" if pull_request else "no branch main or master"
    return Base(None, f"there is {missing}", "Fetch it, or name what to compare with: --base REF")


def _candidates(root: Path, pull_request: PullRequest | None) -> Iterator[str]:
    if pull_request is None:
        yield from USUAL
        return
    # Actions checks a pull request out as GitHub would merge it: then its first parent is what it would go onto.
    merged = ask(root, "rev-parse", "--verify", "--quiet", "HEAD^2")
    if merged.code == 0 and merged.text == pull_request.head:
        yield "HEAD^1"
    yield f"origin/{pull_request.base}"
    if pull_request.base_sha:
        yield pull_request.base_sha


def _meeting(root: Path, name: str, sha: str, *, shallow: bool) -> Base:
    """The last commit that the branch and what is checked out have in common; from the branch itself, the one before."""
    answer = ask(root, "merge-base", sha, "HEAD")
    if answer.code or not answer.text:
        lacking = (
            "this clone is shallow and lacks the commit where it left"
            if shallow
            else "nothing is shared with"
        )
        return Base(None, f"{lacking} {name}", DEEPER if shallow else "Name another one: --base REF")
    found = resolve(root, answer.text)
    head = require(ask(root, "rev-parse", "HEAD")).text
    if found.sha != head or is_dirty(root):
        return Base(found, f"{found.short} of {name}: {found.subject}")
    before = ask(root, "rev-parse", "--verify", "--quiet", "HEAD^1")
    if before.code:
        if shallow:
            return Base(None, "this clone is shallow and lacks the commit before", DEEPER)
        return Base(None, "this is the first commit")
    found = resolve(root, before.text)
    return Base(found, f"{found.short}, the commit before: {found.subject}")
