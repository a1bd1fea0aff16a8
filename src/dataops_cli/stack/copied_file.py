"""A file of this machine in a container, for as long as it is needed there."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import explained

PIECE = 1 << 20


@contextmanager
def copied_file(
    engine: Engine,
    container: str,
    file: Path,
    home: str,
    name: str,
    *,
    owner: int,
    on_progress: Callable[[int, int], None] = lambda _done, _size: None,
    on_left: Callable[[str], None] = lambda _path: None,
) -> Iterator[str]:
    """A copy of `file`, `name` (folder/file) below the container's folder `home`, readable for all, while the block
    runs. Yields its path; its folder is made for the user `owner` and removed with it.

    The container must run. `on_left` is told the folder that could not be removed. Raises DataopsError.
    """
    folder = f"{home}/{name.partition('/')[0]}"
    try:
        engine.put_pieces(container, home, tar_pieces(file, name, owner=owner, on_progress=on_progress))
        yield f"{home}/{name}"
    finally:
        if not _removed(engine, container, folder):
            on_left(folder)


def tar_pieces(
    file: Path, name: str, *, owner: int, on_progress: Callable[[int, int], None] = lambda _done, _size: None
) -> Iterator[bytes]:
    """A tar archive of one file in a folder, in pieces: it is never held as a whole.

    Raises DataopsError where the file grows shorter meanwhile.
    """
    with explained(file), file.open("rb") as opened:
        size = file.stat().st_size
        yield _folder(name.partition("/")[0], owner) + _header(name, size, owner)
        left = size
        while left:
            piece = opened.read(min(PIECE, left))
            if not piece:
                raise DataopsError(
                    f"{file} grew shorter while it was copied",
                    hint="Let nothing write to it, then run the command again.",
                    exit_code=ExitCode.FAILED,
                )
            left -= len(piece)
            on_progress(size - left, size)
            yield piece
    yield bytes(-size % tarfile.BLOCKSIZE) + bytes(2 * tarfile.BLOCKSIZE)


# In a container without root's capabilities, root is a user like others: the group lets it remove the folder.
def _folder(name: str, owner: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o775, owner, 0
    return entry.tobuf(tarfile.PAX_FORMAT)


def _header(name: str, size: int, owner: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.uid, entry.gid = size, 0o644, owner, 0
    return entry.tobuf(tarfile.PAX_FORMAT)


def _removed(engine: Engine, container: str, folder: str) -> bool:
    try:
        code, _output = engine.exec(container, ["rm", "-rf", folder])
    except EngineError:
        return False
    return code == 0
