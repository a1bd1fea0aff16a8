"""What a change is compared with, in real git repositories."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dataops_cli.ci.dbt_base import DEEPER, find_base
from dataops_cli.ci.pull_request import PullRequest
from dataops_cli.errors import UsageError

PULL_REQUEST = PullRequest(number=7, title="feat: x", base="main")


@pytest.fixture(autouse=True)
def own_git(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(name, "Ada")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "ada@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    return


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, subject: str) -> str:
    git(folder, "commit", "--quiet", "--allow-empty", "-m", subject)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """main has one, two, and three after `change` left it at two."""
    folder = tmp_path / "origin"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(folder))
    commit(folder, "one")
    commit(folder, "two")
    git(folder, "checkout", "--quiet", "-b", "change")
    commit(folder, "mine")
    git(folder, "checkout", "--quiet", "main")
    commit(folder, "three")
    return folder


def clone(origin: Path, *options: str, branch: str = "change") -> Path:
    folder = origin.parent / "clone"
    git(origin.parent, "clone", "--quiet", "--branch", branch, *options, origin.as_uri(), str(folder))
    return folder


def test_it_is_where_the_branch_was_left(origin: Path) -> None:
    folder = clone(origin)
    for asked, pull_request, name in (
        (None, None, "origin/HEAD"),
        (None, PULL_REQUEST, "origin/main"),
        ("origin/main", None, "origin/main"),
    ):
        found = find_base(folder, asked, pull_request)
        assert found.commit is not None
        assert found.told == f"{found.commit.short} of {name}: two"


def test_as_actions_checks_a_pull_request_out_it_is_what_the_change_goes_onto(origin: Path) -> None:
    mine = git(origin, "rev-parse", "change")
    git(origin, "checkout", "--quiet", "-b", "merge", "main")
    git(origin, "merge", "--quiet", "--no-ff", "-m", "merged", "change")
    folder = clone(origin, "--depth=2", "--single-branch", branch="merge")
    found = find_base(folder, None, replace(PULL_REQUEST, head=mine))
    assert found.commit is not None
    assert found.commit.subject == "three"


def test_on_main_itself_it_is_the_commit_before_or_with_changes_the_last_one(origin: Path) -> None:
    folder = clone(origin, branch="main")
    found = find_base(folder, None, None)
    assert found.commit is not None
    assert found.told == f"{found.commit.short}, the commit before: two"
    (folder / "new").touch()
    assert find_base(folder, None, None).told.endswith(" of origin/HEAD: three")


@pytest.mark.parametrize(
    ("asked", "pull_request"), [(None, None), (None, PULL_REQUEST), ("origin/main", None), ("HEAD~1", None)]
)
def test_of_a_shallow_clone_it_is_not_known(
    asked: str | None, pull_request: PullRequest | None, origin: Path
) -> None:
    folder = clone(origin, "--depth=1", "--no-single-branch")
    found = find_base(folder, asked, pull_request)
    assert (found.commit, found.remedy) == (None, DEEPER)
    assert "shallow" in found.told


def test_without_a_second_commit_there_is_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    assert find_base(tmp_path, None, None).told == "there is no commit yet"
    commit(tmp_path, "one")
    assert find_base(tmp_path, None, None).told == "this is the first commit"
    git(tmp_path, "branch", "-m", "other")
    found = find_base(tmp_path, None, None)
    assert (found.told, found.remedy) == (
        "there is no branch main or master",
        "Fetch it, or name what to compare with: --base REF",
    )
    assert find_base(tmp_path, None, PULL_REQUEST).told == "there is no branch main of origin"


def test_a_branch_that_is_not_there_is_refused_and_one_without_a_common_past_is_not_compared(
    origin: Path,
) -> None:
    with pytest.raises(UsageError, match="no commit, tag or branch 'mian'"):
        find_base(origin, "mian", None)
    git(origin, "checkout", "--quiet", "--orphan", "elsewhere")
    commit(origin, "of its own")
    assert find_base(origin, "main", None).told == "nothing is shared with main"
