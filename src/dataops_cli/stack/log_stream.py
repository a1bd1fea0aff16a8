"""The logs of several containers as one stream of lines, read as it is consumed."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, Queue

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.stack import labels
from dataops_cli.stack.lock import held_by
from dataops_cli.stack.lock_holder import Liveness
from dataops_cli.stack.log_lines import Position, entries, moment_of, stamp
from dataops_cli.stack.observe import Container, observe_containers

# Lines that wait to be shown. When nobody takes them, the engine waits too.
WAITING_LINES = 100
# Following ends when for this time no container has run, and no command was at work that may start one again.
COMING_BACK_SECONDS = 3.0
# Lines that the engine writes after the end of a container come within this time, one after the other.
LATE_SECONDS = 0.2


@dataclass(frozen=True)
class Line:
    """What a container wrote. `stamp` is the engine's time, `2026-01-31T10:00:00.123456789Z`."""

    stamp: str
    container: Container
    text: str


def from_moment(engine: Engine, since: str) -> str:
    """The stamp of `10m` ago, or of a timestamp. By the engine's clock, which stamps the lines: ours may be off."""
    return stamp(moment_of(since, _engine_time(engine)))


def all_logs(
    engine: Engine,
    project: str,
    containers: Sequence[Container],
    services: Collection[str],
    *,
    begin: str = "",
    tail: int | None = None,
    follow: bool = False,
) -> Iterator[Line]:
    """What the containers wrote from the stamp `begin` on, in the order of time.

    Held in memory is one line of each container. With `follow`, what the project's `services` (none: all) write
    from then on comes after it, see Follower.
    """
    positions = {item.id: Position(begin) for item in containers}
    now = stamp(_engine_time(engine)) if follow else ""
    yield from heapq.merge(
        *(_lines(engine, item, positions[item.id], follow=False, tail=tail) for item in containers),
        key=lambda line: line.stamp,
    )
    if follow:
        for position in positions.values():
            if not position.count:  # it had nothing, or nothing of it was wanted
                position.stamp = max(position.stamp, now)
        # One that has ended meanwhile may have written more after its log was read.
        running = {item.id for item in containers if item.running}
        yield from Follower(engine, project, services, positions, running).lines()


def _engine_time(engine: Engine) -> datetime:
    return datetime.fromisoformat(engine.info()["SystemTime"])


@dataclass(frozen=True)
class _Started:
    container: str


@dataclass(frozen=True)
class _Ended:
    """The log of a container has been read to its end."""

    container: str


class Follower:
    """The lines of a project's containers as they are written, also of those that start later."""

    def __init__(
        self,
        engine: Engine,
        project: str,
        services: Collection[str],
        positions: dict[str, Position],
        due: Collection[str],
    ) -> None:
        """`services` names those to follow, none all; `positions` say where the logs of known containers go on.

        The containers in `due` are read whether they still run or not.
        """
        self._engine = engine
        self._project = project
        self._services = services
        self._positions = positions
        self._reading: set[str] = set()
        # Started since their log was last read; one that loops is read once for each start.
        self._due = set(due)
        self._news: Queue[Line | _Started | _Ended | EngineError] = Queue(WAITING_LINES)

    def lines(self) -> Iterator[Line]:
        """Ends when no container runs any more. Raises EngineError when the engine goes away."""
        starts = self._engine.starts(f"{labels.PROJECT}={self._project}")
        threading.Thread(target=self._watch, args=(starts,), daemon=True).start()
        self._due.update(item.id for item in self._containers() if item.running)
        last_alive = time.monotonic()
        look = True
        while True:
            if look and (self._any_alive() or self._are_being_changed()):
                last_alive = time.monotonic()
            elif look and time.monotonic() - last_alive > COMING_BACK_SECONDS and not self._any_alive():
                return  # nor was anything started between the two looks
            try:
                news = self._news.get(timeout=0.5)
            except Empty:
                look = not self._reading
                continue
            look = not isinstance(news, Line)
            if isinstance(news, EngineError):
                raise news
            if isinstance(news, Line):
                yield news
            elif isinstance(news, _Started):
                self._due.add(news.container)
            else:
                self._reading.discard(news.container)

    def _any_alive(self) -> bool:
        """Begin to read what has started. Whether anything runs or is still read."""
        containers = self._containers()
        for item in containers:
            if item.id in self._due and item.id not in self._reading:
                self._due.discard(item.id)
                self._reading.add(item.id)
                threading.Thread(target=self._read, args=(item,), daemon=True).start()
        return bool(self._reading) or any(item.running for item in containers)

    def _are_being_changed(self) -> bool:
        holder = held_by(self._engine, self._project)
        return holder is not None and holder.liveness is Liveness.ALIVE

    def _containers(self) -> list[Container]:
        found = observe_containers(self._engine, self._project)
        return [item for item in found if not self._services or item.service in self._services]

    def _read(self, container: Container) -> None:
        position = self._positions.setdefault(container.id, Position())
        try:
            for line in _lines(self._engine, container, position, follow=True):
                self._news.put(line)
            # The engine ends a follower when the container has ended, though it may still be writing the log.
            more = True
            while more:
                time.sleep(LATE_SECONDS)
                more = False
                for line in _lines(self._engine, container, position, follow=False):
                    more = True
                    self._news.put(line)
            self._news.put(_Ended(container.id))
        except EngineError as error:
            self._news.put(error)

    def _watch(self, starts: Iterator[str]) -> None:
        try:
            for container in starts:
                self._news.put(_Started(container))
        except EngineError as error:
            self._news.put(error)


def _lines(
    engine: Engine, container: Container, position: Position, *, follow: bool, tail: int | None = None
) -> Iterator[Line]:
    try:
        terminal = engine.inspect(container.id)["Config"]["Tty"]
        pieces = engine.log(container.id, follow=follow, tail=tail, since=position.since)
        for entry in position.unread(entries(pieces, terminal=terminal)):
            yield Line(entry.stamp, container, entry.text)
    except EngineError as error:
        if error.status not in (404, 409):  # else it was removed meanwhile, or is just being removed
            raise
