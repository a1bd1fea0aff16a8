"""Backups of an environment: the metadata database and the warehouse, as they were before something was changed.

backup-begun/<id>.json    written first: files of this backup may be there
backup-files/<id>/…       what was backed up
backups/<id>.json         written last: a backup without it does not count

Documents lie apart from the files, because a folder of the state is read as a whole.
"""

from __future__ import annotations

import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

from dataops_cli.deploy.journal import Journal, to_put_right
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.processes import user_name
from dataops_cli.stack.state import State

BEGUN, FILES, DOCUMENTS = "backup-begun", "backup-files", "backups"
IDENTITY = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
# The documents that this code reads.
VERSION = 1


@dataclass(frozen=True)
class StoredFile:
    """A file in the state. `sha256` is that of its content."""

    path: str
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class ServerFile:
    """A backup file on the disk of a SQL Server, where only that server reads it."""

    server: str
    database: str
    path: str
    bytes: int
    compressed: bool


@dataclass(frozen=True)
class WarehouseCopy:
    """The warehouse in a backup: `files` and the `generation` that they are of for DuckDB, `on_server` for SQL
    Server."""

    engine: str
    files: tuple[StoredFile, ...] = ()
    generation: Mapping[str, Any] | None = None
    on_server: ServerFile | None = None

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files) + (self.on_server.bytes if self.on_server else 0)


@dataclass(frozen=True)
class Backup:
    """One backup. `number` grows with every backup: clocks of operators differ. `versions` are those of PostgreSQL,
    Airflow and the CLI, `release` is the commit that ran; None is what was not known. `warehouse` is None where there
    was none yet. `was_paused` is how the pipeline's DAG was before the deployment that made the backup paused it; None
    where none did, or it was not known: then it was as the dump has it."""

    id: str
    number: int
    environment: str
    project: str
    made_at: str
    made_by: str
    reason: str
    release: str | None
    versions: Mapping[str, str | None]
    metadata: StoredFile
    warehouse: WarehouseCopy | None = None
    was_paused: bool | None = None

    @property
    def bytes(self) -> int:
        return self.metadata.bytes + (self.warehouse.bytes if self.warehouse else 0)

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Raises DataopsError (exit 5) for a document that a newer dataops wrote."""
        if document.get("version", VERSION) > VERSION:
            raise DataopsError(
                f"The backup {document.get('id')} was made by a newer dataops",
                hint="Use the newer dataops: pip install --upgrade dataops-cli",
                exit_code=ExitCode.REFUSED,
            )
        values = {key: value for key, value in document.items() if key != "version"}
        values["metadata"] = StoredFile(**values["metadata"])
        if values["warehouse"]:
            values["warehouse"] = _warehouse(values["warehouse"])
        return cls(**values)


def _warehouse(document: Mapping[str, Any]) -> WarehouseCopy:
    on_server = document["on_server"]
    return WarehouseCopy(
        document["engine"],
        tuple(StoredFile(**file) for file in document["files"]),
        document["generation"],
        ServerFile(**on_server) if on_server else None,
    )


def new_id() -> str:
    """UTC, for the reader, and something random, so that it is no other's."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def begin(state: State) -> str:
    """Note that files of a new backup may be there from now on; returns its id."""
    identity = new_id()
    state.add(f"{BEGUN}/{identity}.json", {"made_by": who(), "made_at": now()})
    return identity


def path_of(identity: str, name: str) -> str:
    return f"{FILES}/{identity}/{name}"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def who() -> str:
    return f"{user_name()}@{socket.gethostname()}"


def backups(state: State) -> list[Backup]:
    """The backups that there are, the newest first."""
    found = [Backup.from_document(item) for item in state.documents(DOCUMENTS).values()]
    return sorted(found, key=lambda item: item.number, reverse=True)


def find(state: State, identity: str, project: str) -> Backup:
    """Raises DataopsError (exit 5) where there is none of that name, or where it is another stack's."""
    there = backups(state)
    for backup in there:
        if backup.id == identity:
            if backup.project != project:
                raise DataopsError(
                    f"The backup {identity} is of {backup.environment} (stack {backup.project}), not of {project}",
                    hint="Name one of this environment: dataops backup list",
                    exit_code=ExitCode.REFUSED,
                )
            return backup
    names = ", ".join(item.id for item in there) or "none"
    raise DataopsError(
        f"There is no backup {identity}", hint=f"There are: {names}", exit_code=ExitCode.REFUSED
    )


def prune(state: State, keep: int) -> list[str]:
    """Remove all but the newest `keep` backups, and what backups that were cut off left; returns their ids. The one
    that a deployment which goes on, or is to be put right, needs for its way back stays, too.

    Wants the stack's lock to be held: a backup that is being made has no document yet. A file on a SQL Server stays
    where it is; the next backup writes over it.
    """
    there = [item.id for item in backups(state)]
    begun = [name for name in state.documents(BEGUN) if IDENTITY.fullmatch(name)]
    begun_last = to_put_right(Journal(state).deployments())
    kept = {*there[:keep], begun_last.beginning.backup if begun_last else None}
    doomed = sorted({*there, *begun} - kept)
    # First what makes it count, last what tells that something may be left.
    state.remove(
        [
            path
            for identity in doomed
            for path in (
                f"{DOCUMENTS}/{identity}.json",
                f"{FILES}/{identity}",
                f"{BEGUN}/{identity}.json",
            )
        ]
    )
    return doomed
