"""The room in volumes, as the containers see it that have them.

A volume may be on a disk of its own, and the engine on another machine, whose disks cannot be seen from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from dataops_cli.checks import Finding, Result
from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.doctor.disk import ENOUGH, LEAST
from dataops_cli.health.commands import ask
from dataops_cli.health.installation import Installation
from dataops_cli.stack.observe import Container
from dataops_cli.threads import in_thread

# Per cent that are used. Of a large disk they leave enough: less than ENOUGH, or LEAST, must be free, too.
WARN, FAIL = 85.0, 95.0
# A line for each path: the file system's identity, its block size, its blocks, those that are free, the path.
STAT = ["stat", "-f", "-c", "%i %S %b %a %n"]
FREE = "Where it is the engine's own disk: docker image prune"
MB, GB = 1024**2, 1024**3


@dataclass(frozen=True)
class Room:
    """A file system and the volumes on it. `service` has one of them, at `path`. Sizes are in bytes."""

    disk: str
    size: int
    free: int
    volumes: tuple[str, ...]
    service: str
    path: str

    @property
    def share(self) -> float:
        """Per cent that are used."""
        return 100 * (1 - self.free / self.size)


def measure(installed: Installation) -> list[Room]:
    """One for each file system, asked for side by side. A volume that no running container has is left out."""
    asked = []
    for service in installed.wanted.stack.services:
        paths = volumes_of(installed, service)
        running = next((item for item in installed.of(service) if item.state == "running"), None)
        if paths and running:
            asked.append(in_thread(partial(_measured, installed.engine, running, paths), running.name))
    return merged(room for future in asked for room in future.result())


def merged(measured: Iterable[Room]) -> list[Room]:
    """Those of one file system as one. Some kinds have no identity, such as NFS: of two of one size, the fuller one."""
    found: dict[tuple[str, int], Room] = {}
    for room in measured:
        known = found.setdefault((room.disk, room.size), room)
        names = tuple(dict.fromkeys([*known.volumes, *room.volumes]))
        fuller = min(known, room, key=lambda item: item.free)
        found[room.disk, room.size] = replace(fuller, volumes=names)
    return list(found.values())


def volumes_of(installed: Installation, service: str) -> dict[str, str]:
    """Where a service has its volumes: path → the volume's name on the engine."""
    stack = installed.wanted.stack
    return {
        mount["target"]: stack.volumes[mount["source"]]["name"]
        for mount in stack.services[service].get("volumes", ())
        if mount["type"] == "volume" and mount.get("source") in stack.volumes
    }


def _measured(engine: Engine, container: Container, paths: Mapping[str, str]) -> list[Room]:
    try:
        said = ask(engine, container, [*STAT, *paths])
    except EngineError as error:
        if error.status in (404, 409):  # it has just ended, or is paused
            return []
        raise
    return rooms(said.text, container.service, paths)


def rooms(said: str, service: str, paths: Mapping[str, str]) -> list[Room]:
    """From what STAT wrote. What is no answer to it, as from an image without that command, is left out."""
    found = []
    for line in said.splitlines():
        disk, *numbers, path = [*line.split(maxsplit=4), ""][:5]
        if path in paths and len(numbers) == 3 and all(map(str.isdigit, numbers)):
            block, blocks, free = map(int, numbers)
            if blocks:
                found.append(Room(disk, block * blocks, block * free, (paths[path],), service, path))
    return found


def judge(room: Room) -> Finding:
    found = f"{', '.join(room.volumes)}: {size(room.free)} of {size(room.size)} left"
    limits = ((Result.FAIL, FAIL, LEAST), (Result.WARN, WARN, ENOUGH))
    for result, share, least in limits:
        if room.share >= share and room.free < least:
            remedy = f"See what takes it: dataops exec {room.service} -- du -h -d 1 {room.path}\n{FREE}"
            return Finding(result, found, remedy, round(room.share, 1), share)
    return Finding(Result.OK, found)


def size(amount: int) -> str:
    return f"{amount / GB:.1f} GB" if amount >= GB else f"{amount / MB:.0f} MB"
