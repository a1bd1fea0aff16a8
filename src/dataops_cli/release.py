"""Which commit of the platform this is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

RELEASE = "DATAOPS_RELEASE"


def release_of(root: Path) -> str | None:
    """The short SHA of the platform's commit, with `-dirty` for uncommitted changes; None without git.

    In a container, which has no repository, DATAOPS_RELEASE says it.
    """
    if RELEASE in os.environ:
        return os.environ[RELEASE] or None
    sha = _git(root, "rev-parse", "--short=12", "HEAD")
    if sha is None:
        return None
    return sha + ("-dirty" if _git(root, "status", "--porcelain") else "")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
