"""Which commit of the platform this is."""

from __future__ import annotations

import subprocess
from pathlib import Path


def release_of(root: Path) -> str | None:
    """The short SHA of the platform's commit, with `-dirty` for uncommitted changes; None without git."""
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
