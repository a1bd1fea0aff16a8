"""What a build sends to the engine."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO


def build_context(folder: Path, dockerfile: str) -> set[str]:
    """What a build in `folder` sends to the engine: paths relative to it, as its ignore file leaves them.

    That is `<Dockerfile>.dockerignore` where it is there, as with BuildKit, else `.dockerignore`.
    """
    from docker.utils.build import exclude_paths

    its_own = folder / f"{dockerfile}.dockerignore"
    ignore = its_own if its_own.is_file() else folder / ".dockerignore"
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return set(exclude_paths(str(folder), patterns, dockerfile=dockerfile))


def packed_context(folder: Path, dockerfile: str, more: Mapping[str, bytes]) -> IO[bytes]:
    """What a build in `folder` sends, as a tar archive, with files that are not in the folder, by their path."""
    from docker.utils.build import create_archive

    archive: IO[bytes] = create_archive(str(folder), sorted(build_context(folder, dockerfile)))
    with tarfile.open(fileobj=archive, mode="a") as opened:
        for path, content in more.items():
            entry = tarfile.TarInfo(path)  # its time is always the same, so that builds are cached
            entry.size = len(content)
            opened.addfile(entry, io.BytesIO(content))
    archive.seek(0)
    return archive
