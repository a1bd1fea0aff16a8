"""`dataops init` makes a platform that works."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from ci.small_platform_in_git import git, write
from dataops_cli import scaffold
from dataops_cli.scaffold import Git, create_platform
from support import Dataops


def test_a_platform_has_its_parts_and_a_repository(dataops: Dataops, tmp_path: Path) -> None:
    done = dataops("init", "my platform", "--json", cwd=tmp_path)
    folder = tmp_path / "my platform"
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"platform": str(folder), "git": True}
    inside = {path.name for path in folder.iterdir()}
    assert inside >= {
        "dbt",
        "airflow",
        "compose",
        "environments",
        ".github",
        ".dockerignore",
        ".git",
        ".gitignore",
        "README.md",
    }
    assert (
        not list(folder.rglob("target"))
        + list(folder.rglob("dbt_packages"))
        + list(folder.rglob("*.secrets.env"))
    )
    assert dataops("config", "validate", cwd=folder).returncode == 0


def test_here_is_the_default(dataops: Dataops, tmp_path: Path) -> None:
    done = dataops("init", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Made a platform in ., and a git repository in it. Next:\n")
    assert (tmp_path / "environments" / "base.toml").exists()


def test_a_folder_with_something_in_it_is_left_alone(dataops: Dataops, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    done = dataops("init", cwd=tmp_path)
    assert done.returncode == 2
    assert "is not empty: it has thesis.txt" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_way(dataops: Dataops, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("")
    done = dataops("init", "there", cwd=tmp_path)
    assert done.returncode == 2
    assert "is a file" in done.stderr


def test_a_repository_gets_none_inside(dataops: Dataops, tmp_path: Path) -> None:
    """Which `git add` could not add; one that ignores the folder is not its own."""
    git(tmp_path, "init", "--quiet")
    write(tmp_path, {".gitignore": "ignored/\n"})
    done = dataops("init", "inside", cwd=tmp_path)
    assert (
        "warning: no git repository was made, since the folder is in one already\n"
        "  → The workflows run only where the platform is its repository's root: for them, make it in a folder that is "
        "in none.\n"
    ) in done.stderr
    assert done.stdout.startswith("Made a platform in inside. Next:\n")
    git(tmp_path, "add", "--all")
    assert "inside/environments/base.toml" in git(tmp_path, "ls-files").splitlines()
    assert dataops("init", "ignored/platform", cwd=tmp_path).stderr == ""
    assert (tmp_path / "ignored/platform/.git").is_dir()


def test_a_repository_that_is_there_is_kept(dataops: Dataops, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=trunk")
    done = dataops("init", cwd=tmp_path)
    assert (done.stderr, done.stdout.splitlines()[0]) == ("", "Made a platform in .. Next:")
    assert git(tmp_path, "branch", "--show-current") == "trunk"


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(("module", "step", "times"), [(shutil, "copytree", 3), (scaffold, "_git", 2)])
def test_ctrl_c_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool, module: Any, step: str, times: int
) -> None:
    """At the third part that is copied, and when the repository has been made."""
    folder = tmp_path / "platform"
    if there:
        folder.mkdir(mode=0o750)
    done, count = getattr(module, step), itertools.count(1)

    def interrupted(*arguments: Any, **options: Any) -> Any:
        result = done(*arguments, **options)
        if next(count) == times:
            os.kill(os.getpid(), signal.SIGINT)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(module, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            create_platform(folder)
    assert [*folder.iterdir()] == []
    assert create_platform(folder) is Git.MADE
    assert (folder / ".git").is_dir()
    if there:
        assert folder.stat().st_mode & 0o777 == 0o750


def test_ctrl_c_is_heard_when_all_is_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        return move(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", interrupted)
        with pytest.raises(KeyboardInterrupt):
            create_platform(tmp_path / "one")
    create_platform(tmp_path / "other")
    names = [{path.name for path in (tmp_path / name).iterdir()} for name in ("one", "other")]
    assert names[0] == names[1]


def test_what_a_killed_init_left_is_in_nobodys_way(tmp_path: Path) -> None:
    left = tmp_path / ".dataops-init-left"
    left.mkdir()
    (left / "dbt").touch()
    create_platform(tmp_path)
    assert (tmp_path / "dbt" / "dbt_project.yml").is_file()
    assert not [*tmp_path.glob(".dataops-init-*")]
