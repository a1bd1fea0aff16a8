"""Taking away what a test has on the engine, whatever became of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.stack import labels

# The engine goes on with what a killed command asked for, at most this long.
SECONDS = 60


def sweep(engine: Engine, project: str) -> None:
    """Remove all containers, networks and volumes of a Compose project, its lock and its state among them, until none
    is left."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            if not _remove(engine, project):
                return
            refusal = None
        except EngineError as error:
            refusal = error
        if time.monotonic() > deadline:
            raise refusal or AssertionError(f"{project} does not go away")
        time.sleep(0.1)


def _remove(engine: Engine, project: str) -> bool:
    """Whether there was anything to be removed."""
    label = f"{labels.PROJECT}={project}"
    containers = [item["Id"] for item in engine.containers() if _is_of(project, item)]
    networks, volumes = engine.networks(label), engine.volumes(label)
    with ThreadPoolExecutor() as pool:
        list(pool.map(engine.remove_if_there, containers))
    for network in networks:
        engine.remove_network(network["Name"])
    for volume in volumes:
        engine.remove_volume(volume["Name"])
    return bool(containers or networks or volumes)


def _is_of(project: str, container: Mapping[str, Any]) -> bool:
    # Those that are no part of the stack bear none of Compose's labels.
    named = any(name.startswith(f"/{project}-") for name in container["Names"])
    return named or (container["Labels"] or {}).get(labels.PROJECT) == project
