"""Files that outlive a process: written whole or not at all, and with a version."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataops_cli.errors import DataopsError, ExitCode

# The version of everything under .dataops. A CLI refuses state that is newer than what it knows.
STATE_VERSION = 1


def write_state(path: Path, document: dict[str, Any]) -> None:
    """Write a JSON file atomically and durably: a kill at any moment leaves the old file or the new one."""
    write_text(path, json.dumps({"version": STATE_VERSION, **document}, indent=1, ensure_ascii=False))


def write_text(path: Path, text: str) -> None:
    """Write a file atomically and durably, as `write_state` does. Its folder is made where it is not there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def read_state(path: Path) -> dict[str, Any] | None:
    """The document, or None where there is no such file.

    Raises DataopsError for a state of a newer version and for a file that is not ours.
    """
    with explained(path):
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
    try:
        document = json.loads(text)
        version = document["version"]
    except (ValueError, KeyError, TypeError):
        raise DataopsError(
            f"{path} is damaged: it is not a state file of dataops",
            hint=f"Move it away, then run the command again: mv {path} {path}.damaged",
        ) from None
    if version > STATE_VERSION:
        raise DataopsError(
            f"{path} was written by a newer dataops (state version {version}, this one knows {STATE_VERSION})",
            hint="Use the newer dataops: pip install --upgrade dataops-cli",
            exit_code=ExitCode.REFUSED,
        )
    return dict(document)


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals at `path` into errors with a remedy."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        remedies = {
            errno.ENOSPC: "Free some space, then run the command again; nothing published was touched.",
            errno.EDQUOT: "The quota is used up: free some space, then run the command again.",
            errno.EACCES: f"Make it yours: sudo chown -R $USER {path.parent}",
            errno.EROFS: "The file system is read-only: use another folder with --project-dir.",
        }
        raise DataopsError(
            f"Cannot use {path}: {error.strerror}",
            hint=remedies.get(error.errno or 0, "Mend the file or its folder, then run the command again."),
            exit_code=ExitCode.UNAVAILABLE,
        ) from error
