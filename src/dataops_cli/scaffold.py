"""A new platform: the files that come with the package, in a folder of the user's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from enum import StrEnum
from pathlib import Path

from dataops_cli import __version__
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.files import explained
from dataops_cli.interrupts import interrupts_held

PARTS = (
    "dbt",
    "airflow",
    "compose",
    "environments",
    ".github",
    ".dockerignore",
    ".pre-commit-config.yaml",
    ".sqlfluff",
    ".yamllint",
    "requirements/run.txt",
    "requirements/ci.txt",
)
# How the folder is named in which a platform is being made.
MAKING = ".dataops-init-"
# The wheel's build leaves the same out (.gitignore, pyproject.toml).
LEFT_OUT = shutil.ignore_patterns(
    # Made by use.
    "target",
    "logs",
    "__pycache__",
    ".user.yml",
    "*.secrets.env*",
    "*.pyc",
    # The repository's own.
    "nightly.yml",
    "ISSUE_TEMPLATE",
)

GITIGNORE = """\
.dataops/
.venv/
dbt/target/
dbt/logs/
.env
*.secrets.env*
"""

# What Dependabot is told in this repository, and in a platform: that has no pyproject.toml at its root, and its `main`
# goes to prod, so that updates go where they are tried first.
DEPENDABOT = (
    ("      - /\n      - /requirements\n", "      - /requirements\n"),
    ("    schedule:\n", "    target-branch: develop\n    schedule:\n"),
)

# What the workflows install, besides requirements/*.txt. Its own hash a package cannot know.
COMMAND = """\
# The workflows refuse it without its hash, which `pip hash` prints of what `pip download` has brought:
# dataops-cli=={version} --hash=sha256:…
dataops-cli=={version}
"""

# The layout and the rules by which the Python files come, for `dataops ci lint`.
RUFF = """\
line-length = 110

[lint]
select = ["E", "F", "W", "I", "B", "UP", "S", "C4", "SIM", "PTH", "RUF"]
ignore = ["E501", "S603", "S607"]
"""

README = """\
# {name}

A data platform run by `dataops`. The AdventureWorks models in `dbt/models/` are an example: replace them.

```
dataops source generate     # sample data
dataops run                 # build, test and publish bronze, silver and gold
dataops sql "select * from gold.gld_sales_summary order by order_date desc limit 5"
```
"""


def platform_files() -> Path:
    """The folder of the platform's files: inside the package, or the checkout's root in development."""
    packaged = Path(__file__).parent / "platform"
    return packaged if packaged.is_dir() else Path(__file__).parents[2]


class Git(StrEnum):
    """The git repository of a new platform. One inside another would be a folder that git add cannot add."""

    MADE = "made"
    THERE = "there"
    AROUND = "around"
    NOT_INSTALLED = "not installed"


def create_platform(folder: Path) -> Git:
    """Scaffold a platform into `folder`, which must not exist or be empty (a bare `.git` may be there).

    Makes a git repository where there is none yet, and returns which it has. Raises UsageError when there is something
    in the folder.
    """
    if folder.is_file():
        raise UsageError(f"{folder} is a file", hint="Name a folder that is empty or does not exist.")
    with explained(folder):
        inside = [path.name for path in folder.iterdir() if not _is_ours(path)] if folder.exists() else []
    if inside:
        raise UsageError(
            f"{folder} is not empty: it has {', '.join(sorted(inside)[:3])}",
            hint="Name a folder that is empty or does not exist.",
        )
    source = platform_files()
    missing = [part for part in PARTS if not (source / part).exists()]
    if missing:
        raise DataopsError(
            f"This installation lacks the platform's files: {', '.join(missing)}",
            hint="Install it anew: pip install --force-reinstall dataops-cli",
            exit_code=ExitCode.UNAVAILABLE,
        )
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{MAKING}*"):  # by a command that was killed
            shutil.rmtree(left)
        # Inside it, where its owner and its file system are: what is interrupted leaves nothing, or all of it.
        with tempfile.TemporaryDirectory(prefix=MAKING, dir=folder) as made:
            _copy(source, Path(made), folder.resolve().name)
            git = _repository(folder, Path(made))
            with interrupts_held():
                for path in [*Path(made).iterdir()]:
                    path.rename(folder / path.name)
    return git


def _is_ours(path: Path) -> bool:
    return path.name == ".git" or path.name.startswith(MAKING)


def _copy(source: Path, folder: Path, name: str) -> None:
    for part in PARTS:
        if (source / part).is_dir():
            shutil.copytree(source / part, folder / part, ignore=LEFT_OUT)
        else:
            (folder / part).parent.mkdir(exist_ok=True)
            shutil.copyfile(source / part, folder / part)
    dependabot = folder / ".github" / "dependabot.yml"
    text = dependabot.read_text(encoding="utf-8")
    for here, there in DEPENDABOT:
        text = text.replace(here, there)
    dependabot.write_text(text, encoding="utf-8")
    (folder / "requirements" / "dataops.txt").write_text(
        COMMAND.format(version=__version__), encoding="utf-8"
    )
    (folder / ".gitignore").write_text(GITIGNORE, encoding="utf-8")
    (folder / "ruff.toml").write_text(RUFF, encoding="utf-8")
    (folder / "README.md").write_text(README.format(name=name), encoding="utf-8")


def _repository(folder: Path, made: Path) -> Git:
    """The repository that `folder` has, or that it gets with what was `made` for it."""
    if (folder / ".git").exists():
        return Git.THERE
    try:
        inside = _git(folder, "rev-parse", "--is-inside-work-tree")  # in a bare repository it says false
        if inside == "true\n" and _git(folder, "check-ignore", "--quiet", ".") is None:
            return Git.AROUND
        begun = _git(made, "init", "--quiet", "--initial-branch=main")
    except OSError:
        return Git.NOT_INSTALLED
    return Git.NOT_INSTALLED if begun is None else Git.MADE


def _git(folder: Path, *arguments: str) -> str | None:
    """Its output; None where it fails. A hook of git names another repository by variables."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return None if done.returncode else done.stdout
