"""A release's source: a folder of files and links, packed reproducibly and unpacked safely.

Neither way takes secrets files, times, owners or empty folders along; of a file's mode only whether it is executable.
"""

from __future__ import annotations

import errno
import gzip
import io
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import IO

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import explained

# They hold for the operator's machine and belong in no release, even where somebody committed them.
SECRETS = "*.secrets.env"


def source_archive(folder: Path) -> bytes:
    """The folder as a .tar.gz that has the same bytes whenever the files have the same content."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        file.write(packed_source(folder))
    return packed.getvalue()


def packed_source(folder: Path) -> bytes:
    """The same, not compressed."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as archive:
        for name in sorted(_names(folder), key=os.fsencode):
            path = folder / name
            entry = tarfile.TarInfo(name)
            if path.is_symlink():
                entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, str(path.readlink()), 0o777
                archive.addfile(entry)
            else:
                content = path.read_bytes()
                entry.size, entry.mode = len(content), _mode(path.stat().st_mode)
                archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def unpack_source(archive: bytes, into: Path) -> None:
    """Unpack what `source_archive` packed into a folder that is made, whole or not at all.

    Raises DataopsError for a damaged archive, and where the folder is there and not empty.
    """
    with whole_or_not_at_all(into) as aside, explained_damage():
        unpack(io.BytesIO(gzip.decompress(archive)), aside)


@contextmanager
def whole_or_not_at_all(into: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `into` at the end. A kill leaves at most a hidden folder beside it."""
    with explained(into):
        into.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{into.name[:100]}.", dir=into.parent))
    try:
        with explained(into):
            yield aside
            aside.chmod(0o755)
            _rename(aside, into)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _rename(aside: Path, into: Path) -> None:
    try:
        aside.rename(into)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise
        raise DataopsError(
            f"{into} is there already",
            hint=f"Move it away, then run the command again: mv {quote(f'{into}')} {quote(f'{into}.old')}",
            exit_code=ExitCode.REFUSED,
        ) from None


@contextmanager
def explained_damage() -> Iterator[None]:
    """Turn what a damaged archive raises into an error that says so."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, FileExistsError, ValueError) as error:
        raise DataopsError(
            f"The archive of a release's source is damaged: {error}",
            hint="Deploy the commit again: dataops deploy --sha COMMIT",
        ) from error


def unpack(archive: IO[bytes], folder: Path, below: str = "") -> None:
    """Unpack a tar archive's entries below the path `below` into an empty folder.

    Links are kept if they lead to a place in the folder, from wherever the folder is moved to; others are left out.
    Raises ValueError and FileExistsError for entries that no honest archive has.
    """
    links: dict[PurePosixPath, str] = {}
    with tarfile.open(fileobj=archive, encoding="utf-8") as opened:
        for member in opened:
            path = _path_of(member, below)
            if path is None or fnmatchcase(path.name, SECRETS):
                continue
            target = folder / path
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if path in links:
                raise ValueError(f"{member.name!r} is in it twice")
            if member.issym():
                links[path] = member.linkname
            elif member.isreg():
                content = opened.extractfile(member)
                assert content is not None  # noqa: S101 (a regular file has one)
                with target.open("xb") as file:
                    shutil.copyfileobj(content, file)
                target.chmod(_mode(member.mode))
            else:
                raise ValueError(f"{member.name!r} is neither a file, a folder nor a link")
    # Only now, so that nothing was written through one of them.
    make_links(folder, links)


def make_links(folder: Path, links: dict[PurePosixPath, str]) -> None:
    """Make the links (path in the folder → target) that stay in the folder. Their own folders are there."""
    relative = {folder / path: target for path, target in links.items() if not target.startswith("/")}
    for path, target in relative.items():
        path.symlink_to(target)
    top = os.path.realpath(folder)
    # One that is taken away may change where another one leads.
    while outside := [path for path in relative if path.is_symlink() and not _is_in(path, top)]:
        for path in outside:
            path.unlink()


def _is_in(path: Path, top: str) -> bool:
    real = os.path.realpath(path)
    return real == top or real.startswith(top + "/")


def _path_of(member: tarfile.TarInfo, below: str) -> PurePosixPath | None:
    """Where an entry goes; None for the folder itself and for what is not below the path."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{member.name!r} leads out of it")
    if not path.is_relative_to(below):
        return None
    path = path.relative_to(below)
    return path if path.parts else None


def _names(folder: Path) -> Iterator[str]:
    """The paths of all files and links in the folder."""
    for top, folders, files in os.walk(folder):
        linked = [name for name in folders if (Path(top) / name).is_symlink()]
        for name in (*files, *linked):
            if not fnmatchcase(name, SECRETS):
                yield os.path.relpath(os.path.join(top, name), folder)  # noqa: PTH118


def _mode(mode: int) -> int:
    return 0o755 if mode & 0o100 else 0o644
