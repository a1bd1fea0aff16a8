"""Who changed what, when, from where, and how it ended: one document for a command's beginning, one for its end.

An end repeats what its beginning says, so an entry is whole where only one of them could be written. A command that
was killed has no end. Documents lie in the stack's state, where all operators see them; those of an environment
without a stack, and those of a machine whose engine has nothing of the stack, as files of that machine.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from dataops_cli.files import read_state, write_state

FOLDER = "audit"
ENDED = "-ended"


class Documents(Protocol):
    """Where entries are kept: a `State`, or `Files`."""

    def documents(self, folder: str) -> dict[str, dict[str, Any]]: ...
    def add(self, path: str, document: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class Files:
    """Documents as files below a folder of this machine."""

    root: Path

    def documents(self, folder: str) -> dict[str, dict[str, Any]]:
        paths = sorted((self.root / folder).glob("*.json"))
        return {path.stem: found for path in paths if (found := read_state(path))}

    def add(self, path: str, document: Mapping[str, Any]) -> None:
        write_state(self.root / path, dict(document))


@dataclass(frozen=True)
class Entry:
    """One command. `at` is when it began, in UTC, by the engine's clock where there is a stack; `release` is the
    platform's commit; without an exit code it has not ended, or was killed."""

    id: str
    at: str
    user: str
    host: str
    folder: str
    release: str | None
    command: str
    reason: str = ""
    exit_code: int | None = None
    seconds: float | None = None

    def ended(self, exit_code: int, seconds: float) -> Entry:
        return replace(self, exit_code=exit_code, seconds=round(seconds, 1))

    def write(self, where: Documents) -> None:
        """Raises DataopsError where it cannot be written."""
        end = "" if self.exit_code is None else ENDED
        where.add(f"{FOLDER}/{self.id}{end}.json", asdict(self))


def entry_id(at: datetime) -> str:
    """Ids are in the order of time, and no two are the same."""
    return f"{at:%Y%m%dT%H%M%S.%f}-{secrets.token_hex(3)}"


def entries(places: Iterable[Documents]) -> list[Entry]:
    """All entries, the newest first."""
    found: dict[str, Entry] = {}
    for place in places:
        for name, document in place.documents(FOLDER).items():
            entry = _entry(document)
            if entry and (name.endswith(ENDED) or entry.id not in found):
                found[entry.id] = entry
    return [found[key] for key in sorted(found, reverse=True)]


def _entry(document: Mapping[str, Any]) -> Entry | None:
    """What a document says; a newer dataops may say more. None for what is none of ours."""
    try:
        return Entry(**{key: document[key] for key in Entry.__dataclass_fields__})
    except KeyError:
        return None
