"""`dataops init` makes a platform that works."""

from __future__ import annotations

import json
from pathlib import Path

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
    assert dataops("init", cwd=tmp_path).returncode == 0
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
