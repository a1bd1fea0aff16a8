"""Files of a backup on their way into the state and out of it, compared with what they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dataops_cli.deploy.backup import StoredFile, path_of
from dataops_cli.deploy.backup_stream import Seen, copy, look_through
from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.stack.state import State

Report = Callable[[str, str], None]


@dataclass(frozen=True)
class Files:
    """The state's files, and the engine whose containers they come from and go to."""

    engine: Engine
    state: State
    report: Report

    def store(self, container: str, path: str, identity: str, sha256: str) -> StoredFile:
        """Copy a file of a container into the state, as a part of the backup `identity`, and read it back.

        `sha256` is what the container says of it. Raises DataopsError where a copy is not what it was.
        """
        name = path.rpartition("/")[2]
        to = path_of(identity, name)
        seen = copy(
            self.engine.archive(container, path),
            to,
            self.state.put_pieces,
            on_progress=self._telling(name, "storing"),
        )
        self.report(name, "reading back what was stored")
        if {seen.sha256, look_through(self.state.pieces(to)).sha256} != {sha256}:
            raise DataopsError(
                f"{name} was changed on its way: the copy is not what was to be backed up",
                hint="Run the command again; see whether the engine's disk is well.",
            )
        return StoredFile(to, seen.size, sha256)

    def bring(self, file: StoredFile, container: str, folder: str, name: str, *, owner: int) -> None:
        """Copy a file of a backup into a folder of a container, as `name` below it, and compare it.

        Raises DataopsError (exit 5) where it is gone or is no longer what was backed up.
        """
        try:
            seen = copy(
                self.state.pieces(file.path),
                name,
                lambda pieces: self.engine.put_pieces(container, folder, pieces),
                owner=owner,
                on_progress=self._telling(file.name, "bringing"),
            )
        except EngineError as error:
            if error.status == 404:
                raise _damaged(file, "it is gone") from error
            raise
        _compare(file, seen)

    def _telling(self, name: str, verb: str) -> Callable[[int, int], None]:
        told = -1

        def tell(done: int, size: int) -> None:
            nonlocal told
            if (percent := done * 100 // max(size, 1)) > told:
                told = percent
                self.report(name, f"{verb}: {percent} %, {done / 1e6:.0f} of {size / 1e6:.0f} MB")

        return tell


def _compare(file: StoredFile, seen: Seen) -> None:
    if (seen.size, seen.sha256) != (file.bytes, file.sha256):
        raise _damaged(file, f"it has {seen.size} bytes and SHA-256 {seen.sha256[:12]}…")


def _damaged(file: StoredFile, how: str) -> DataopsError:
    return DataopsError(
        f"{file.name} is not what was backed up ({file.bytes} bytes, SHA-256 {file.sha256[:12]}…): {how}",
        hint="Nothing was changed. Restore another backup: dataops backup list",
        exit_code=ExitCode.REFUSED,
    )
