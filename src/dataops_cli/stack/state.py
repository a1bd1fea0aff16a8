"""What outlives every process and is seen by all operators: files in a volume of the stack, on its engine.

They are read and written through a container that is never started, which also keeps the volume from being pruned.
No process of the stack can read them.
"""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from dataops_cli import __version__
from dataops_cli.docker_api import Engine, EngineError, or_none
from dataops_cli.errors import DataopsError
from dataops_cli.settings.load import Environment
from dataops_cli.stack import fence, labels
from dataops_cli.stack.environment import prefix_of, require_stack
from dataops_cli.stack.lock import IMAGE
from dataops_cli.stack.observe import observe_containers

# The volume's key in compose/compose.yml, and its name behind the environment's prefix.
VOLUME = "deploy_state"
MOUNT = "/state"
# Seconds that the engine may take to end with a container's name.
PATIENCE = 10.0


@dataclass(frozen=True)
class State:
    """The state of one environment's stack. Paths are relative, such as `journal/000012.json`.

    A file is written whole by one request; what a killed command has left half is no JSON document and does not count.
    What is no document (`put`) counts once a document names it. Behind a `fence`, writing raises DataopsError (exit 4)
    once somebody else has the lock, and documents bear its number.
    """

    engine: Engine
    project: str
    volume: str
    fence: fence.Fence | None = None

    def behind(self, last: int, check: Callable[[], None]) -> State:
        """The same for who has just taken the stack's lock, and now shuts out those who held it before.

        `last` is the highest number in what is kept; `check` raises where the lock is lost.
        """
        return replace(self, fence=fence.draw(self.engine, self.project, last, check, self._make))

    def shut(self) -> None:
        """Nothing more is written: the lock is about to be released."""
        if self.fence is not None:
            self.fence.end()

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
        number = {"fence": self.fence.number} if self.fence else {}
        self.put(path, json.dumps({"version": 1, **document, **number}, sort_keys=True, default=str).encode())

    def put(self, path: str, content: bytes) -> None:
        """Write a file."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as opened:
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o600
            opened.addfile(entry, io.BytesIO(content))
        with self._writer() as container:
            self.engine.put_archive(container, MOUNT, archive.getvalue())

    def put_pieces(self, archive: Iterator[bytes]) -> None:
        """Unpack a tar archive, which may be large, at the top."""
        with self._writer() as container:
            self.engine.put_pieces(container, MOUNT, archive)

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files and folders, with what is in them. Wants one of the stack's containers to be there, whose image
        has `rm`; without one, nothing is removed. Raises DataopsError where they cannot be removed."""
        image = next((item.image_id for item in observe_containers(self.engine, self.project)), None)
        if not paths or image is None:
            return
        with self._writer():
            pass  # raises where somebody else has the lock
        name = _remover_name(self.project)
        self.engine.remove_if_there(name)  # a command that was killed left it
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
            self.engine.remove_if_there(container)

    def take_away(self) -> None:
        """Remove the containers, so that the volume can be removed."""
        self.engine.remove_if_there(container_name(self.project))
        # Of a command that was killed while it removed files.
        self.engine.remove_if_there(_remover_name(self.project))
        fence.take_away(self.engine, self.project)

    def _archive(self, path: str) -> io.BytesIO | None:
        if self.engine.volume(self.volume) is None:
            return None
        try:
            return io.BytesIO(b"".join(self.pieces(path)))
        except EngineError as error:
            if error.status == 404:
                return None
            raise

    @contextmanager
    def _writer(self) -> Iterator[str]:
        """The container to write through."""
        if self.fence is None:
            yield self._container()
            return
        try:
            yield self.fence.writer()
        except EngineError as error:
            if error.status in (404, 409):  # the next holder has just removed it, or is about to
                raise fence.lost() from None
            raise

    def _container(self) -> str:
        """Through which the volume is seen; made where it is missing."""
        name = container_name(self.project)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._make(name, {})
            except EngineError as error:
                if error.status != 409 or time.monotonic() > deadline:
                    raise
            facts = or_none(partial(self.engine.inspect, name))
            if facts is None:  # another command is making it, or has just taken it away
                time.sleep(0.1)
            elif any(mount.get("Name") == self.volume for mount in facts["Mounts"]):
                return name
            else:  # the volume had another name then, by another stack.prefix
                self.engine.remove_if_there(name)

    def _make(self, name: str, its_labels: Mapping[str, str]) -> str:
        """Make a container with the volume, and the volume where it is missing; returns its id."""
        if self.engine.volume(self.volume) is None:
            owner = {labels.PROJECT: self.project, labels.VERSION: __version__, labels.VOLUME: VOLUME}
            self.engine.create_volume(self.volume, None, {}, owner)
        config = {
            "Image": IMAGE,
            "Cmd": ["-"],
            "Labels": its_labels,
            "HostConfig": {"Mounts": [self._mount()]},
        }
        try:
            return self.engine.create(name, config)
        except EngineError as error:
            if error.status != 404:
                raise
        self.engine.import_empty_image(IMAGE)
        return self.engine.create(name, config)

    def _mount(self) -> dict[str, str]:
        return {"Type": "volume", "Source": self.volume, "Target": MOUNT}


def container_name(project: str) -> str:
    return f"{project}-state"


def _remover_name(project: str) -> str:
    return f"{project}-state-remove"


def state_of(engine: Engine, environment: Environment) -> State:
    """The state of an environment's stack. Raises UsageError where it has none."""
    return State(engine, require_stack(environment), f"{prefix_of(environment)}{VOLUME}")


def _document(content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
