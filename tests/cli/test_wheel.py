"""The wheel carries the platform's files: installed anywhere, `dataops init` works."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dataops_cli.scaffold import PARTS
from support import ROOT, clean_environment

pytestmark = pytest.mark.slow

# Of .github, what is this repository's own.
OWN = {"nightly.yml", "ISSUE_TEMPLATE"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout and unpacked: a folder to import from."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(ROOT)], check=True, cwd=folder)
    (wheel,) = folder.glob("dataops_cli-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def dataops(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import sys; from dataops_cli.__main__ import main; main()", *arguments],
        cwd=cwd,
        env=clean_environment(PYTHONPATH=str(installed)),
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_in_it(installed: Path) -> None:
    platform = installed / "dataops_cli" / "platform"
    assert {path.name for path in platform.iterdir()} == {
        "dbt",
        "airflow",
        "compose",
        "environments",
        ".github",
        ".dockerignore",
        ".pre-commit-config.yaml",
        ".sqlfluff",
        ".yamllint",
        "requirements",
    }
    inside = [path for path in installed.rglob("*") if path.is_file()]
    assert not [
        path for path in inside if path.suffix in (".pyc", ".duckdb") or path.name.endswith(".secrets.env")
    ]
    assert not [path for path in inside if {"target", "dbt_packages", ".dataops"} & set(path.parts)]
    assert not list(installed.rglob("tests/conftest.py"))


def test_a_platform_from_the_wheel_equals_the_checkouts_files(installed: Path, tmp_path: Path) -> None:
    done = dataops(installed, tmp_path, "init", "p")
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PARTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    tracked = {name for name in listed if name and not OWN & set(Path(name).parts)}
    for name in tracked - {".github/dependabot.yml"}:  # where packages are: tests/ci/test_workflows.py
        assert (tmp_path / "p" / name).read_bytes() == (ROOT / name).read_bytes(), name
    made = {str(path.relative_to(tmp_path / "p")) for path in (tmp_path / "p").rglob("*") if path.is_file()}
    made = {name for name in made if not name.startswith(".git/")}
    assert made - tracked == {".gitignore", "README.md", "requirements/dataops.txt", "ruff.toml"}


def test_it_runs_there(installed: Path, tmp_path: Path) -> None:
    assert dataops(installed, tmp_path, "init", "p").returncode == 0
    generated = dataops(installed, tmp_path / "p", "source", "generate", "--scale", "0.01")
    assert generated.returncode == 0, generated.stderr
    done = dataops(installed, tmp_path / "p", "run", "--select", "bronze")
    assert done.returncode == 0, done.stderr
    assert "Published " in done.stdout
