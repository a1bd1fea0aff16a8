"""The container that is a lock: one that lives as long as its holder's connection, or one that is never started.

The first kind runs `cat` on an input that the holder keeps open. When the holder ends, or its connection, the input
ends, `cat` ends, and the engine removes the container by itself: however the holder ended and wherever it was.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.docker_api.connection import Connection

# Nothing is in it: for a container that is never started.
IMAGE = "dataops-lock:1"
# Seconds between two heartbeats.
HEARTBEAT = 5.0
MEMORY = 32 * 1024 * 1024
PROCESSES = 32
NOBODY = "65534:65534"


def make_resting(engine: Engine, name: str, labels: Mapping[str, str]) -> str:
    """Make a container that is never started; returns its id. Raises EngineError (409) where the name is taken."""
    config = {"Image": IMAGE, "Cmd": ["-"], "Labels": dict(labels)}
    try:
        return engine.create(name, config)
    except EngineError as error:
        if error.status != 404:
            raise
    engine.import_empty_image(IMAGE)
    return engine.create(name, config)


def make_living(engine: Engine, name: str, labels: Mapping[str, str], image: str) -> str | None:
    """Make a container that ends with this process, and keep it alive; returns its id.

    None where the image is not there, or has no `cat`. Raises EngineError (409) where the name is taken.
    """
    try:
        container = engine.create(name, _living(image, labels))
    except EngineError as error:
        if error.status == 404:
            return None
        raise
    try:
        connection = engine.attach(container, stdin=True)
        engine.start(container)
    except EngineError as error:
        with suppress(EngineError):  # the engine may be doing so already
            engine.remove(container)
        if error.status in (400, 404, 500):  # it cannot be started
            return None
        raise
    # Neither is waited for at the end: the engine closes the connection when the container is removed.
    threading.Thread(target=_beat, args=(connection,), daemon=True, name="heartbeat").start()
    threading.Thread(target=_drain, args=(connection,), daemon=True, name="heartbeat answers").start()
    return container


def _living(image: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """The create request. What the image says about user, folder, health and command does not count."""
    return {
        "Image": image,
        "Entrypoint": ["cat"],
        "Cmd": [],
        "User": NOBODY,
        "WorkingDir": "/",
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": dict(labels),
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "NetworkDisabled": True,
        "HostConfig": {
            "AutoRemove": True,
            "NetworkMode": "none",
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Memory": MEMORY,
            "PidsLimit": PROCESSES,
            # Readable whatever the engine's own way of logging is, and bounded.
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "16k", "max-file": "2"}},
        },
    }


def _beat(connection: Connection) -> None:
    """Write a line now and then, which `cat` writes to the container's log, until the connection ends."""
    never = threading.Event()
    with suppress(OSError, ValueError):
        while True:
            connection.write(b"alive\n")
            never.wait(HEARTBEAT)


def _drain(connection: Connection) -> None:
    """What nobody reads would hold `cat` up some day."""
    with suppress(OSError, ValueError):
        for _piece in connection.pieces():
            pass
    connection.close()
