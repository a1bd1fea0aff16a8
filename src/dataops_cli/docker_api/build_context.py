"""What a build sends to the engine."""

from __future__ import annotations

from pathlib import Path


def build_context(folder: Path, dockerfile: str) -> set[str]:
    """What a build in `folder` sends to the engine: paths relative to it, as `.dockerignore` leaves them."""
    from docker.utils.build import exclude_paths

    ignore = folder / ".dockerignore"
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return set(exclude_paths(str(folder), patterns, dockerfile=dockerfile))
