"""The folder that a workflow uploads.

check.json          what was found, as --json shows it       run/            the run: its record, dbt's artifacts and log
manifest.json       of the change                            code-tests/     dbt's artifacts and log
base/               the same of the base                     compiled/       the SQL by engine
sqlserver/          dbt's log of compiling for it            sqlserver-tests.log
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataops_cli.console import plain
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.files import explained, write_text

DOCUMENT = "check.json"
LOCK = ".lock"
# What the document says until the check has ended; its folder is known by it.
UNFINISHED = {"ok": False, "unfinished": True}


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Empty the folder of an earlier check, and keep other checks from it while the block runs.

    Raises UsageError for a folder that holds anything else, DataopsError (exit 4) where another check writes to it.
    """
    from filelock import FileLock, Timeout

    with explained(folder):
        _refuse_others(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise DataopsError(
                f"Another `dataops ci dbt` is writing to {folder}",
                hint="Wait until it has ended, or give this one a folder of its own: --artifacts DIR",
                exit_code=ExitCode.LOCKED,
            ) from None
    try:
        with explained(folder):
            _clear(folder)
            write_document(folder, UNFINISHED)
        yield
    finally:
        lock.release()


def _refuse_others(folder: Path) -> None:
    if not folder.exists() or (folder / DOCUMENT).is_file():
        return
    if not folder.is_dir() or any(path.name != LOCK for path in folder.iterdir()):
        raise UsageError(
            f"{folder} holds something else than an earlier check's artifacts",
            hint="Name a folder that is empty or does not exist: --artifacts DIR",
        )


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def write_document(folder: Path, document: Mapping[str, Any]) -> None:
    write_text(folder / DOCUMENT, json.dumps(document, indent=1, ensure_ascii=False, default=plain) + "\n")
