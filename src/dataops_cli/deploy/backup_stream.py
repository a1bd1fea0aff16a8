"""Files on their way between containers: a tar archive of one file becomes one with another name, piece by piece."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, cast

from dataops_cli.docker_api.connection import PIECE
from dataops_cli.errors import DataopsError, ExitCode


@dataclass
class Seen:
    """What has passed of a file."""

    size: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        return str(self._digest.hexdigest())

    def through(self, content: Iterator[bytes]) -> Iterator[bytes]:
        for piece in content:
            self.size += len(piece)
            self._digest.update(piece)
            yield piece


def copy(
    archive: Iterator[bytes],
    name: str,
    put: Callable[[Iterator[bytes]], None],
    *,
    owner: int = 0,
    on_progress: Callable[[int, int], None] = lambda _done, _size: None,
) -> Seen:
    """Give `put` the one file in `archive` as an archive of its own, under `name` and the user `owner`.

    Raises DataopsError where the archive holds no file or ends before the file does.
    """
    seen = Seen()
    size, content = file_in(archive)

    def told() -> Iterator[bytes]:
        for piece in seen.through(content):
            on_progress(seen.size, size)
            yield piece

    put(archive_of(name, size, told(), owner=owner))
    return seen


def look_through(archive: Iterator[bytes]) -> Seen:
    """Read the one file in `archive` to its end. Raises DataopsError as `copy` does."""
    seen = Seen()
    for _piece in seen.through(file_in(archive)[1]):
        pass
    return seen


def file_in(archive: Iterator[bytes]) -> tuple[int, Iterator[bytes]]:
    """The size and the content of the first regular file in a tar archive that comes in pieces."""
    try:
        # Closed by whoever drops the content: it has nothing of its own to close.
        opened = tarfile.open(fileobj=cast(IO[bytes], _Reader(archive)), mode="r|")  # noqa: SIM115
        member = next((item for item in opened if item.isreg()), None)
    except tarfile.TarError as error:
        raise _cut_short() from error
    if member is None:
        raise _cut_short()
    content = cast(IO[bytes], opened.extractfile(member))

    def pieces() -> Iterator[bytes]:
        try:
            while piece := content.read(PIECE):
                yield piece
        except tarfile.TarError as error:
            raise _cut_short() from error

    return member.size, pieces()


def archive_of(name: str, size: int, content: Iterator[bytes], *, owner: int = 0) -> Iterator[bytes]:
    """A tar archive of one file. Raises DataopsError where `content` is not of `size` bytes."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.uid, entry.gid = size, 0o600, owner, owner
    yield entry.tobuf(tarfile.PAX_FORMAT)
    left = size
    for piece in content:
        left -= len(piece)
        yield piece
    if left:
        raise _cut_short()
    yield bytes(-size % tarfile.BLOCKSIZE) + bytes(2 * tarfile.BLOCKSIZE)


class _Reader:
    """What tarfile reads a stream from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""

    def read(self, size: int) -> bytes:
        while not self._held:
            following = next(self._pieces, None)
            if following is None:
                return b""
            self._held = following
        piece, self._held = self._held[:size], self._held[size:]
        return piece


def _cut_short() -> DataopsError:
    return DataopsError(
        "The Docker engine ended a copy before its end",
        hint="Run the command again; see whether the engine is well: docker info",
        exit_code=ExitCode.UNAVAILABLE,
    )
