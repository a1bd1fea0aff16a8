"""What outlives every process and is seen by all operators: files in a volume of the stack, on its engine.

They are read and written through a container that is never started, which also keeps the volume from being pruned.
No process of the stack can read them.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from dataops_cli import __version__
from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError
from dataops_cli.settings.load import Environment
from dataops_cli.stack import labels
from dataops_cli.stack.environment import prefix_of, require_stack
from dataops_cli.stack.lock import IMAGE
from dataops_cli.stack.observe import observe_containers

# The volume's key in compose/compose.yml, and its name behind the environment's prefix.
VOLUME = "deploy_state"
MOUNT = "/state"


@dataclass(frozen=True)
class State:
    """The state of one environment's stack. Paths are relative, such as `journal/000012.json`.

    A file is written whole by one request; what a killed command has left half is no JSON document and does not count.
    What is no document (`put`) counts once a document names it.
    """

    engine: Engine
    project: str
    volume: str

    def documents(self, folder: str) -> dict[str, dict[str, Any]]:
        """The JSON documents in a folder, by name without `.json`, in the order of their names."""
        found: dict[str, dict[str, Any]] = {}
        archive = self._archive(folder)
        if archive is None:
            return {}
        with tarfile.open(fileobj=archive) as opened:
            for member in opened:
                path = PurePosixPath(member.name)
                if member.isreg() and path.suffix == ".json" and len(path.parts) == 2:
                    content = opened.extractfile(member)
                    assert content is not None  # noqa: S101 (a regular file has one)
                    if (document := _document(content.read())) is not None:
                        found[path.stem] = document
        return dict(sorted(found.items()))

    def content(self, path: str) -> bytes | None:
        """A file as it was put there; None where there is none."""
        archive = self._archive(path)
        if archive is None:
            return None
        with tarfile.open(fileobj=archive) as opened:
            content = opened.extractfile(opened.next() or "")
            return content.read() if content else None

    def pieces(self, path: str) -> Iterator[bytes]:
        """A file or folder as a tar archive, in pieces. Raises EngineError (404) where there is none."""
        return self.engine.archive(self._container(), f"{MOUNT}/{path}")

    def add(self, path: str, document: Mapping[str, Any]) -> None:
        """Write a document."""
        self.put(path, json.dumps({"version": 1, **document}, sort_keys=True, default=str).encode())

    def put(self, path: str, content: bytes) -> None:
        """Write a file."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as opened:
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o600
            opened.addfile(entry, io.BytesIO(content))
        self.engine.put_archive(self._container(), MOUNT, archive.getvalue())

    def put_pieces(self, archive: Iterator[bytes]) -> None:
        """Unpack a tar archive, which may be large, at the top."""
        self.engine.put_pieces(self._container(), MOUNT, archive)

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files and folders, with what is in them. Wants one of the stack's containers to be there, whose image
        has `rm`; without one, nothing is removed. Raises DataopsError where they cannot be removed."""
        image = next((item.image_id for item in observe_containers(self.engine, self.project)), None)
        if not paths or image is None:
            return
        name = f"{self.project}-state-remove"
        self._remove_container(name)  # a command that was killed left it
        container = self.engine.create(
            name,
            {
                "Image": image,
                "Entrypoint": ["rm", "-rf", "--"],
                "Cmd": [f"{MOUNT}/{path}" for path in paths],
                "User": "0",
                "NetworkDisabled": True,
                "HostConfig": {"Mounts": [self._mount()], "CapDrop": ["ALL"], "NetworkMode": "none"},
            },
        )
        try:
            self.engine.start(container)
            if self.engine.wait(container):
                said = self.engine.logs(container, tail=3).decode(errors="replace").strip()
                raise DataopsError(
                    f"Volume {self.volume}: {len(paths)} old files could not be removed: {said}",
                    hint="Look at it: docker volume inspect, df -h; the next clean-up tries again.",
                )
        finally:
            self.engine.remove(container)

    def take_away(self) -> None:
        """Remove the container, so that the volume can be removed."""
        self._remove_container(container_name(self.project))

    def _remove_container(self, name: str) -> None:
        try:
            self.engine.remove(name)
        except EngineError as error:
            if error.status != 404:
                raise

    def _archive(self, path: str) -> io.BytesIO | None:
        if self.engine.volume(self.volume) is None:
            return None
        try:
            return io.BytesIO(b"".join(self.pieces(path)))
        except EngineError as error:
            if error.status == 404:
                return None
            raise

    def _container(self) -> str:
        """Through which the volume is seen; made where it is missing."""
        name = container_name(self.project)
        if self.engine.volume(self.volume) is None:
            owner = {labels.PROJECT: self.project, labels.VERSION: __version__, labels.VOLUME: VOLUME}
            self.engine.create_volume(self.volume, None, {}, owner)
        config = {"Image": IMAGE, "Cmd": ["-"], "HostConfig": {"Mounts": [self._mount()]}}
        try:
            return self.engine.create(name, config)
        except EngineError as error:
            if error.status == 404:
                self.engine.import_empty_image(IMAGE)
                return self._container()
            if error.status != 409:
                raise
        # It is there; the volume may have had another name then, by another stack.prefix.
        if all(mount.get("Name") != self.volume for mount in self.engine.inspect(name)["Mounts"]):
            self._remove_container(name)
            return self._container()
        return name

    def _mount(self) -> dict[str, str]:
        return {"Type": "volume", "Source": self.volume, "Target": MOUNT}


def container_name(project: str) -> str:
    return f"{project}-state"


def state_of(engine: Engine, environment: Environment) -> State:
    """The state of an environment's stack. Raises UsageError where it has none."""
    return State(engine, require_stack(environment), f"{prefix_of(environment)}{VOLUME}")


def _document(content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
