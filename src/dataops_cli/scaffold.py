"""A new platform: the files that come with the package, in a folder of the user's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from dataops_cli import __version__
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.files import explained

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
# The wheel's build leaves the same out (.gitignore, pyproject.toml).
LEFT_OUT = shutil.ignore_patterns(
    # Made by use.
    "target",
    "logs",
    "__pycache__",
    ".user.yml",
    "*.secrets.env",
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
environments/*.secrets.env
"""

# What the workflows install, besides requirements/*.txt.
COMMAND = "dataops-cli=={version}\n"

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


def create_platform(folder: Path) -> bool:
    """Scaffold a platform into `folder`, which must not exist or be empty (a bare `.git` may be there).

    Returns whether a git repository was made. Raises UsageError when there is something in the folder.
    """
    if folder.is_file():
        raise UsageError(f"{folder} is a file", hint="Name a folder that is empty or does not exist.")
    with explained(folder):
        inside = [path.name for path in folder.iterdir() if path.name != ".git"] if folder.exists() else []
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
        for part in PARTS:
            if (source / part).is_dir():
                shutil.copytree(source / part, folder / part, ignore=LEFT_OUT)
            else:
                (folder / part).parent.mkdir(exist_ok=True)
                shutil.copyfile(source / part, folder / part)
        (folder / "requirements" / "dataops.txt").write_text(COMMAND.format(version=__version__))
        (folder / ".gitignore").write_text(GITIGNORE, encoding="utf-8")
        (folder / "ruff.toml").write_text(RUFF, encoding="utf-8")
        (folder / "README.md").write_text(README.format(name=folder.resolve().name), encoding="utf-8")
    return (folder / ".git").exists() or _git_init(folder)


def _git_init(folder: Path) -> bool:
    try:
        done = subprocess.run(
            ["git", "init", "--quiet", "--initial-branch=main", str(folder)], capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0
