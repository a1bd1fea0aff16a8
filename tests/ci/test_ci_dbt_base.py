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
from dataops_cli.ci.repository import Repository
from dataops_cli.errors import UsageError

PULL_REQUEST = PullRequest(number=7, title="feat: x", base="main")


@pytest.fixture(autouse=True)
def own_git(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(name, "Ada")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "ada@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
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
        (None, None, "origin/main"),
        (None, PULL_REQUEST, "origin/main"),
        ("origin/main", None, "origin/main"),
        ("main", None, "origin/main"),  # of which a fresh clone has no branch of its own
    ):
        found = find_base(folder, asked, pull_request)
        assert found.commit is not None
        assert found.told == f"{found.commit.short} of {name}: two"
        assert Repository(folder).merge_base(asked) == found.commit.sha


def test_as_actions_checks_a_pull_request_out_it_is_what_the_change_goes_onto(origin: Path) -> None:
    mine = git(origin, "rev-parse", "change")
    git(origin, "checkout", "--quiet", "-b", "merge", "main")
    git(origin, "merge", "--quiet", "--no-ff", "-m", "merged", "change")
    folder = clone(origin, "--depth=2", "--single-branch", branch="merge")
    found = find_base(folder, None, replace(PULL_REQUEST, head=mine))
    assert found.commit is not None
    assert found.told == f"{found.commit.short} of main: three"  # and not of its SHA


def test_on_main_itself_it_is_the_commit_before_or_with_changes_the_last_one(origin: Path) -> None:
    folder = clone(origin, branch="main")
    found = find_base(folder, None, None)
    assert found.commit is not None
    assert found.told == f"{found.commit.short}, the commit before, since origin/main is checked out: two"
    git(folder, "checkout", "--quiet", "--detach")  # as a workflow may
    assert find_base(folder, None, None) == found
    (folder / "new").touch()
    assert find_base(folder, None, None).told.endswith(" of origin/main: three")


def test_on_a_branch_without_a_commit_of_its_own_nothing_differs(origin: Path) -> None:
    folder = clone(origin, branch="main")
    git(folder, "checkout", "--quiet", "-b", "new")
    found = find_base(folder, None, None)
    assert found.commit is not None
    assert found.told == f"{found.commit.short} of origin/main: three"


def test_of_a_clone_whose_origin_had_another_branch_checked_out_it_is_main(origin: Path) -> None:
    """There origin/HEAD is the change itself."""
    git(origin, "checkout", "--quiet", "change")
    folder = clone(origin)
    for detach in ((), ("--detach",)):
        git(folder, "checkout", "--quiet", *detach, "change")
        found = find_base(folder, None, None)
        assert found.commit is not None
        assert found.told == f"{found.commit.short} of origin/main: two"


def test_where_there_is_no_main_it_is_the_default_branch_of_origin(origin: Path) -> None:
    git(origin, "branch", "-m", "main", "trunk")
    found = find_base(clone(origin), None, None)
    assert found.told.endswith(" of origin/HEAD: two")
    assert Repository(origin.parent / "clone").target() == "refs/remotes/origin/HEAD"
    git(origin.parent / "clone", "checkout", "--quiet", "trunk")
    assert "the commit before" in find_base(origin.parent / "clone", None, None).told


def test_a_commit_is_told_once(origin: Path) -> None:
    """Where the target's branch is not there, and where it is asked for by its SHA."""
    folder = clone(origin, "--single-branch")
    git(folder, "fetch", "--quiet", "origin", "main")
    two, three = git(folder, "rev-parse", "HEAD~1"), git(folder, "rev-parse", "FETCH_HEAD")
    assert find_base(folder, two, None).told == f"{two[:12]}: two"
    by_sha = find_base(folder, None, replace(PULL_REQUEST, base_sha=three))
    assert by_sha.told == f"{two[:12]} of main: two"


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
    told = "main has no commit before its first one, which is checked out"
    assert find_base(tmp_path, None, None).told == told
    git(tmp_path, "checkout", "--quiet", "-b", "change")
    assert find_base(tmp_path, None, None).told.endswith(" of main: one")
    git(tmp_path, "branch", "-D", "main")
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
    with pytest.raises(UsageError, match="no branch or commit mian here"):
        find_base(origin, "mian", None)
    git(origin, "checkout", "--quiet", "--orphan", "elsewhere")
    commit(origin, "of its own")
    assert find_base(origin, "main", None).told == "nothing is shared with main"


def test_head_is_what_is_checked_out(origin: Path) -> None:
    """And not the branch that origin's HEAD is, which is what is compared with where nothing is named."""
    folder = clone(origin)
    mine = commit(folder, "more")
    commit(folder, "last")
    (folder / "new.txt").write_text("")
    assert Repository(folder).target("HEAD") == git(folder, "rev-parse", "HEAD")
    found = find_base(folder, "HEAD~1", None).commit
    assert found is not None
    assert found.sha == mine
