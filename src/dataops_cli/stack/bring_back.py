"""Folders of a container, copied to this machine: whole or not at all, and nothing but plain files."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError
from dataops_cli.files import explained


def names_in(engine: Engine, container: str, folder: str) -> list[str]:
    """What lies in a folder of a container, in order; nothing where there is no such folder."""
    code, listed = engine.exec(container, ["ls", "-1", folder])
    return [] if code else sorted(listed.decode(errors="replace").splitlines())


def bring_back(engine: Engine, container: str, folder: str, into: Path) -> bool:
    """Put a copy of a container's folder in place of `into`; False where the container has none.

    Raises DataopsError for what is no plain folder, and where the copy cannot be written.
    """
    from filelock import FileLock

    aside = into.parent.parent / "incoming"  # beside the folder that is listed
    with explained(into), tempfile.TemporaryFile() as archive:
        into.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(aside.with_name("incoming.lock")):
            shutil.rmtree(aside, ignore_errors=True)  # left by one that was killed
            try:
                for piece in engine.archive(container, folder):
                    archive.write(piece)
            except EngineError as error:
                if error.status == 404:
                    return False
                raise
            archive.seek(0)
            try:
                with tarfile.open(fileobj=archive) as opened:
                    unpack(opened, PurePosixPath(folder).name, aside)
                if into.exists():
                    shutil.rmtree(into)
                aside.replace(into)
            except tarfile.TarError as error:
                raise _odd(folder, str(error)) from error
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    return True


def unpack(archive: tarfile.TarFile, root: str, into: Path) -> None:
    """Write the folders and files of an open tar archive, all below `root`, into a new folder.

    Raises DataopsError for a name that leads elsewhere. Links and devices are left out.
    """
    for member in archive:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or path.parts[:1] != (root,):
            raise _odd(root, f"it has {member.name!r}")
        target = into.joinpath(*path.parts[1:])
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
        elif member.isreg():
            target.parent.mkdir(parents=True, exist_ok=True)
            content = archive.extractfile(member)
            assert content is not None  # noqa: S101 (a regular file has one)
            with target.open("xb") as file:
                shutil.copyfileobj(content, file)


def _odd(folder: str, what: str) -> DataopsError:
    return DataopsError(
        f"The container's folder {folder} is not what it should be: {what}",
        hint="Nothing was copied. Look into the container: dataops exec dbt -- ls -R .",
    )
