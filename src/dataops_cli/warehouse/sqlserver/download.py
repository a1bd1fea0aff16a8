"""A download that is kept: whole and checked under its name, or as `<name>.part` to be continued.

Beside it, `<name>.json` remembers the version that the part is of, and the SHA-256 of what was once complete:
a later download that differs is refused, because nothing else tells a replaced file from the one known.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import explained, read_state, sync_folder, write_state
from dataops_cli.warehouse.sqlserver.transfer import OnProgress, Version, fetch, shown


@dataclass(frozen=True)
class Downloaded:
    """`fetched` is false where it was there already."""

    path: Path
    sha256: str
    fetched: bool


def download(
    url: str, folder: Path, *, sha256: str | None = None, on_progress: OnProgress = lambda _done, _size: None
) -> Downloaded:
    """The file at `url`, in `folder`; from an earlier download where that is complete and unharmed.

    Raises DataopsError: exit 4 while another process downloads it, exit 1 where it is not what `sha256` says or,
    without that, not what the first download was.
    """
    from filelock import FileLock, Timeout

    path = folder / file_name(url)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{path.name}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise DataopsError(
                f"Another command is downloading {path.name} into {folder}",
                hint="Wait until it has ended, then run the command again.",
                exit_code=ExitCode.LOCKED,
            ) from None
    try:
        return _download(url, path, sha256, on_progress)
    finally:
        lock.release()


def file_name(url: str) -> str:
    """The last part of the address, as a plain file name."""
    last = unquote(urlsplit(url).path).rpartition("/")[2]
    return re.sub(r"[^\w.-]", "_", last, flags=re.ASCII).lstrip(".")[:150] or "backup.bak"


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with explained(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(url: str, path: Path, sha256: str | None, on_progress: OnProgress) -> Downloaded:
    part, record = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.json")
    state = read_state(record) or {}
    if state.get("address") != shown(url):  # another file of that name
        state = {"address": shown(url)}
    first = state.get("sha256")
    if path.exists() and first == (digest := digest_of(path)) and sha256 in (None, digest):
        return Downloaded(path, digest, fetched=False)

    def remember(version: Version) -> None:
        state["part_of"] = asdict(version)
        write_state(record, state)

    known = Version(**state["part_of"]) if "part_of" in state else None
    fetch(url, part, known, on_version=remember, on_progress=on_progress)
    digest = digest_of(part)
    if sha256 is None and first not in (None, digest):
        _discard(part)
        raise DataopsError(
            f"{shown(url)} is not the file that was downloaded before",
            hint=f"If the new one is right: --sha256 {digest}",
            details=(f"SHA-256 then: {first}", f"SHA-256 now:  {digest}"),
        )
    if sha256 not in (None, digest):
        _discard(part)
        raise DataopsError(
            f"{shown(url)} is not the file that --sha256 names",
            hint="Check the checksum and the address. What was downloaded has been discarded.",
            details=(f"SHA-256 expected: {sha256}", f"SHA-256 found:    {digest}"),
        )
    with explained(part):
        descriptor = os.open(part, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    # First the record: a kill before the rename leaves a complete part, which the next command takes as it is.
    write_state(record, state | {"sha256": digest})
    with explained(path):
        part.replace(path)
        sync_folder(path.parent)
    return Downloaded(path, digest, fetched=True)


def _discard(part: Path) -> None:
    with suppress(FileNotFoundError), explained(part):
        part.unlink()
