"""A platform of a few files in a git repository of its own, for the commands of CI."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from support import ROOT

# Whatever GitHub sets on a runner, where these tests run too, is not of the platform that is looked at.
NOT_UNDER_ACTIONS = dict.fromkeys(
    (
        "GITHUB_ACTIONS",
        "GITHUB_API_URL",
        "GITHUB_BASE_REF",
        "GITHUB_EVENT_PATH",
        "GITHUB_REF",
        "GITHUB_TOKEN",
    ),
    "",
)

CLEAN = {
    "environments/base.toml": "",
    "environments/local.toml": 'description = "Embedded"\n',
    "environments/prod.toml": '[deploy]\nbranch = "main"\n',
    "environments/dev.toml": '[stack]\nenabled = true\nfiles = ["compose/compose.yml"]\n\n[deploy]\nbranch = "develop"\n',
    "compose/compose.yml": "services:\n  web:\n    image: example/web:1\n",
    "airflow/dags/a.py": '"""A DAG."""\n\nNUMBER: int = 1\n',
    "airflow/Dockerfile": "FROM debian:12\n",
    "airflow/bin/start": '#!/bin/sh\necho "$1"\n',
    ".github/workflows/ci.yml": """\
name: CI

on:
  push:

permissions: {}

concurrency:
  group: ${{ github.workflow }}
  cancel-in-progress: true

jobs:
  lint:
    name: Lint
    runs-on: ubuntu-24.04
    steps:
      - name: Lint
        run: dataops ci lint
""",
    "dbt/dbt_project.yml": "name: small\nprofile: dataops\nversion: 1.0.0\n",
    "dbt/models/one.sql": "select 1 as id\n",
    "mypy.ini": "[mypy]\nfiles = airflow/dags\nstrict = True\n",
    ".gitignore": ".dataops/\ndbt/target/\ndbt/logs/\ndbt/dbt_packages/\n.mypy_cache/\n",
}


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=Test", "-c", "user.email=test@localhost", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def commit(folder: Path, message: str, files: dict[str, str] | None = None) -> str:
    """Everything in the folder, with the files written before. Returns the commit's SHA."""
    write(folder, files or {})
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def make_platform(folder: Path) -> Path:
    """On the branch `change`, which left `main` with its only commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name in (".sqlfluff", ".yamllint", "dbt/profiles.yml"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    commit(folder, "feat: a platform", CLEAN)
    git(folder, "checkout", "--quiet", "-b", "change")
    return folder
