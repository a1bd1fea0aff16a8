"""Snapshots of an embedded warehouse: what is published, and its source, held in a folder of their own.

    snapshots/<name>/warehouse.duckdb, source.duckdb

Neither file is ever written to where it lies: what was published does not change, and a source is replaced whole. So a
hard link holds each as it is, at once and without a copy, and a run may go on meanwhile: no lock is needed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import explained
from dataops_cli.warehouse.embedded import FILE, Candidate, EmbeddedWarehouse
from dataops_cli.warehouse.embedded_calls import interruptible
from dataops_cli.warehouse.generation import Generation
from dataops_cli.warehouse.interface import Lease

SOURCE = "source.duckdb"
# How often a generation may be replaced and removed while it is looked for.
ATTEMPTS = 5
PIECE = 1 << 20


@dataclass(frozen=True)
class SnapshotFile:
    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Snapshot:
    generation: Generation
    files: tuple[SnapshotFile, ...]


def snapshot_folder(warehouse: EmbeddedWarehouse, name: str) -> Path:
    return warehouse.home / "snapshots" / name


def take(warehouse: EmbeddedWarehouse, name: str) -> Snapshot | None:
    """Hold what is published, and its source, and read all of it; None where nothing is published.

    Raises DataopsError where DuckDB does not open it.
    """
    folder = snapshot_folder(warehouse, name)
    for _attempt in range(ATTEMPTS):
        generation = warehouse.published()
        if generation is None:
            return None
        _empty(folder)
        try:
            _hold(warehouse.home / "generations" / generation.run_id / FILE, folder / FILE)
            break
        except FileNotFoundError:  # another one has been published since, and this one removed
            continue
    else:
        raise DataopsError(
            "What is published changes faster than it can be held",
            hint="Wait until the runs have ended, then run the command again: dataops runs",
            exit_code=ExitCode.LOCKED,
        )
    if warehouse.source.exists():
        _hold(warehouse.source, folder / SOURCE)
    _open(folder)
    return Snapshot(generation, tuple(_file(path) for path in sorted(folder.iterdir())))


def publish(
    warehouse: EmbeddedWarehouse, name: str, generation: Generation, command: str, lease: Lease
) -> Generation:
    """Make a snapshot what consumers read, and its source the source; returns the new generation that it is.

    What was published before stays as a generation. A kill at any moment leaves consumers the one or the other.
    """
    folder = snapshot_folder(warehouse, name)
    _open(folder)
    warehouse.recover()
    again = replace(
        generation,
        run_id=f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{lease.number}",
        number=lease.number,
        published_at=None,
    )
    source = folder / SOURCE
    if source.exists():
        with warehouse.loading(command) as staged, explained(staged):
            source.replace(staged)
            warehouse.replace_source(staged)
    warehouse.publish(Candidate(again.run_id, folder), again, lease)
    return again


def _empty(folder: Path) -> None:
    with explained(folder):
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)


def _hold(file: Path, held: Path) -> None:
    """Raises FileNotFoundError where there is no such file."""
    with explained(held):
        try:
            os.link(file, held)
        except FileNotFoundError:
            raise
        except OSError:  # a file system without hard links
            shutil.copyfile(file, held)


def _open(folder: Path) -> None:
    with EmbeddedWarehouse(folder).connect() as connection:
        interruptible(
            connection, lambda: connection.execute("select count(*) from duckdb_tables()").fetchall()
        )


def _file(path: Path) -> SnapshotFile:
    digest = hashlib.sha256()
    with explained(path), path.open("rb") as opened:
        while piece := opened.read(PIECE):
            digest.update(piece)
        return SnapshotFile(path.name, opened.tell(), digest.hexdigest())
