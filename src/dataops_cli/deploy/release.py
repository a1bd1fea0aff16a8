"""A release: a commit as it was taken to an environment, kept on the engine with all that is needed to bring it back.

releases/<name>.json    what is known of it        sources/<name>.tar.gz      the platform's files of the commit
manifests/<name>.json   dbt's manifest
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.settings.layers import nearest
from dataops_cli.stack.state import State

# In the name of a release: between the commit and the hash of the content, where the tree had changes on top of it.
DIRTY = "-dirty-"


@dataclass(frozen=True)
class Image:
    """An image of the platform's. `reference` names it on the engine, `id` tells whether it still is that one."""

    reference: str
    id: str


@dataclass(frozen=True)
class Release:
    """What is known of a release. Nothing in it is secret.

    `name` is the commit's short SHA, in development with `-dirty-` and a hash of the content; it is the tag of the
    images. `images` are those that were built, by service. `settings` are the settings as they are shown, by key.
    `airflow` is Airflow's version, which tells the schema of the metadata database.
    """

    name: str
    sha: str
    subject: str
    created_at: str
    created_by: str
    images: Mapping[str, Image] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    airflow: str = ""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        known = {key: document[key] for key in cls.__dataclass_fields__ if key in document}
        images = {service: Image(**image) for service, image in document.get("images", {}).items()}
        return cls(**{**known, "images": images})


class Releases:
    """All releases that are kept on an engine, also those that were never reached."""

    def __init__(self, state: State) -> None:
        self._state = state

    def all(self) -> dict[str, Release]:
        """By name."""
        found = self._state.documents("releases")
        return {name: Release.from_document(document) for name, document in found.items()}

    def keep(self, release: Release, source: bytes, manifest: bytes) -> None:
        """Write a release down. It counts when its document, the last, is there.

        Files that are there are not written again: a kill would leave half of what a release in force is made of.
        """
        path = f"sources/{release.name}.tar.gz"
        if self._state.content(path) != source:
            self._state.put(path, source)
        self._state.put(f"manifests/{release.name}.json", manifest)
        self._state.add(f"releases/{release.name}.json", asdict(release))

    def source(self, name: str) -> bytes:
        """The platform's files, as a .tar.gz. Raises DataopsError (exit 3) where they are gone."""
        content = self._state.content(f"sources/{name}.tar.gz")
        if content is None:
            sha, dirty, _hash = name.partition(DIRTY)
            raise DataopsError(
                f"The files of release {name} are not on the engine any more",
                hint=f"Git does not know it: it was {sha} with changes that were not committed. Deploy a working tree "
                "that has them: dataops deploy"
                if dirty
                else f"Deploy the commit again: dataops deploy --sha {name}",
                exit_code=ExitCode.UNAVAILABLE,
            )
        return content

    def manifest(self, name: str) -> bytes | None:
        """dbt's manifest; None where there is none, or where a kill has left half of one."""
        content = self._state.content(f"manifests/{name}.json")
        try:
            json.loads(content or b"")
        except ValueError:
            return None
        return content

    def forget(self, names: list[str]) -> None:
        """Remove releases; the document first, so that none is there by half."""
        self._state.remove([f"releases/{name}.json" for name in names])
        self._state.remove([f"{kind}/{name}{end}" for name in names for kind, end in _FILES])


_FILES = (("sources", ".tar.gz"), ("manifests", ".json"))


def find(releases: Mapping[str, Release], asked: str, targets: list[str]) -> Release:
    """The release that a SHA, short or full, a name or the beginning of one means.

    Raises DataopsError (exit 5), listing the `targets`, where none is kept or several are meant.
    """
    found = [
        item
        for name, item in releases.items()
        if name == asked or (len(asked) >= 4 and (name.startswith(asked) or item.sha.startswith(asked)))
    ]
    # A full SHA means the commit, not what was deployed with changes on top of it.
    exact = [
        item for item in found if asked == item.name or (asked == item.sha and item.sha.startswith(item.name))
    ]
    if len(exact or found) == 1:
        return (exact or found)[0]
    candidates = ", ".join(targets) or "none"
    if found:
        names = ", ".join(item.name for item in found)
        raise DataopsError(
            f"{asked} means several releases: {names}",
            hint="Give more of it.",
            exit_code=ExitCode.REFUSED,
        )
    meant = nearest(asked, targets)
    raise DataopsError(
        f"There is no release {asked} on the engine",
        hint=f"Did you mean {meant}? " * bool(meant) + f"Releases to go back to: {candidates}",
        exit_code=ExitCode.REFUSED,
    )
