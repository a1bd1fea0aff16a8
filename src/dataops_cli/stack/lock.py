"""One change of a stack at a time, also by operators on two machines.

The lock is a container: the engine gives its name to one only. It bears none of Compose's labels, so nobody takes it
for a part of the stack. Where the engine has an image with `cat`, it lives as long as its holder's connection;
elsewhere, as at the first `up`, it is never started. A plan that is empty needs no lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.interrupts import interrupts_held
from dataops_cli.stack.fence import lost
from dataops_cli.stack.lock_container import IMAGE, make_living, make_resting
from dataops_cli.stack.lock_holder import BY_HAND, Holder, Liveness, as_labels, find_holder, own_facts
from dataops_cli.stack.observe import observe_containers
from dataops_cli.threads import in_thread

__all__ = ["IMAGE", "StackLease", "changing", "held_by", "hold_by_hand", "lock_name", "release"]

# Seconds between two tries for a lock that is taken.
POLL = 0.2
# Seconds that the engine may take to finish making or removing the container that has the name.
PATIENCE = 10.0
# Seconds in which the engine removes a container that has ended, as it does for every lock that is released.
REMOVAL = 2.0


def lock_name(project: str) -> str:
    return f"{project}-lock"


@dataclass(frozen=True)
class StackLease:
    """The lock, held by this process."""

    engine: Engine
    container: str

    def check(self) -> None:
        """Raises DataopsError (exit 4) when the lock is no longer ours: somebody forced it, or the engine ended it."""
        try:
            if self.engine.inspect(self.container)["State"]["Status"] in ("created", "running", "paused"):
                return
        except EngineError as error:
            if error.status != 404:
                raise
        raise lost()


@contextmanager
def changing(
    engine: Engine,
    project: str,
    command: str,
    *,
    reason: str = "",
    images: Sequence[str] = (),
    wait: float = 0.0,
    on_wait: Callable[[Holder], None] = lambda _holder: None,
    on_takeover: Callable[[Holder], None] = lambda _holder: None,
) -> Iterator[Callable[[], StackLease]]:
    """Change a stack in the block. Yields a function that takes the lock, to be held until the block ends.

    What was observed before may have changed when the lock is held. `command` and `reason` are what others are told
    about this one. Of `images`, and those of the stack's containers, the first that is on the engine and has `cat`
    makes a lock that ends with this process. A lock that is taken is waited for up to `wait` seconds; `on_wait` is
    told once for whom. A lock whose holder is gone, as after a kill, is taken over, which `on_takeover` is told.

    Raises DataopsError with exit 4 where somebody else holds the lock, with exit 130 where the user interrupts
    the block, and with exit 3 in place of a failure of the block when the engine is shutting down.
    """
    held: list[StackLease] = []
    _clear(engine, project, on_takeover)

    def lock() -> StackLease:
        if not held:
            facts = own_facts(command, reason)
            held.append(_wait_for(engine, project, facts, images, wait, on_wait, on_takeover))
        return held[0]

    try:
        yield lock
    except KeyboardInterrupt:
        raise DataopsError(
            "Interrupted",
            hint="Run the command again: it begins with what it finds.",
            exit_code=ExitCode.INTERRUPTED,
        ) from None
    except DataopsError as error:
        if error.exit_code == ExitCode.FAILED:
            engine.require_reachable()
        raise
    finally:
        for lease in held:
            with suppress(EngineError):  # it ends with this process, or the next command takes it over
                engine.remove(lease.container)


def held_by(engine: Engine, project: str) -> Holder | None:
    """Who holds the lock."""
    return find_holder(engine, lock_name(project))


def hold_by_hand(engine: Engine, project: str, command: str, reason: str) -> None:
    """Take the lock until somebody releases it. Raises DataopsError (exit 4) where it is held."""
    _clear(engine, project, lambda _holder: None)
    facts = own_facts(command, reason) | {BY_HAND: "true"}
    try:
        make_resting(engine, lock_name(project), as_labels(facts))
    except EngineError as error:
        if error.status != 409:
            raise
        raise locked(held_by(engine, project)) from None


def release(engine: Engine, project: str, *, force: bool) -> Holder | None:
    """Unlock the stack; returns who held it.

    Raises DataopsError (exit 5) where the holder may be at work, unless forced.
    """
    holder = held_by(engine, project)
    if holder is None:
        return None
    if holder.liveness in (Liveness.ALIVE, Liveness.UNKNOWN) and not force:
        alive = holder.liveness is Liveness.ALIVE
        raise DataopsError(
            f"The lock is not released: {'it is in use' if alive else 'nobody here can tell whether it is in use'} "
            f"by {holder}",
            hint="Wait until that has ended. If you are sure that it changes nothing more: dataops lock release --force",
            exit_code=ExitCode.REFUSED,
        )
    _remove(engine, holder)
    return holder


def locked(holder: Holder | None) -> DataopsError:
    """That somebody else holds the lock."""
    if holder and holder.by_hand:
        facts = holder.facts
        return DataopsError(
            f"The stack is locked by {facts['user']} on {facts['host']}, since {facts['since']}: {facts['reason']}",
            hint="Ask them. When nothing speaks against it any more: dataops lock release",
            exit_code=ExitCode.LOCKED,
        )
    return DataopsError(
        f"The stack is being changed by {holder or 'another command'}",
        hint="Wait until it has ended. If it has, and left its lock behind: dataops lock release",
        exit_code=ExitCode.LOCKED,
    )


def _wait_for(
    engine: Engine,
    project: str,
    facts: dict[str, str],
    images: Sequence[str],
    wait: float,
    on_wait: Callable[[Holder], None],
    on_takeover: Callable[[Holder], None],
) -> StackLease:
    deadline = time.monotonic() + wait
    patience = time.monotonic() + PATIENCE
    told = False
    while (lease := _take_whole(engine, project, facts, images)) is None:
        holder = _clear(engine, project, on_takeover)
        now = time.monotonic()
        if holder is None:
            # The engine does not come to an end with it, or others are faster each time.
            if now >= max(patience, deadline):
                raise locked(None)
        elif now >= deadline:
            raise locked(holder)
        else:
            patience = now + PATIENCE
            if not told:
                on_wait(holder)
                told = True
        time.sleep(POLL)
    return lease


def _take_whole(
    engine: Engine, project: str, facts: dict[str, str], images: Sequence[str]
) -> StackLease | None:
    """As `_take`; an interrupt in the midst of it leaves no lock behind."""
    taking: Future[StackLease | None] | None = None
    try:
        with interrupts_held():  # begun and not known here, it would take the lock all the same
            taking = in_thread(lambda: _take(engine, project, facts, images), "lock")
        return taking.result()
    except KeyboardInterrupt:
        with suppress(EngineError):
            if taking and (lease := taking.result()):
                engine.remove(lease.container)
        raise


def _take(engine: Engine, project: str, facts: dict[str, str], images: Sequence[str]) -> StackLease | None:
    """Take the lock; None where its name is taken."""
    name, its_labels = lock_name(project), as_labels(facts)
    its_own = (item.image_id for item in observe_containers(engine, project))
    try:
        for image in dict.fromkeys([*images, *its_own]):
            if container := make_living(engine, name, its_labels, image):
                return StackLease(engine, container)
        return StackLease(engine, make_resting(engine, name, its_labels))
    except EngineError as error:
        if error.status == 409:
            return None
        raise


def _clear(engine: Engine, project: str, on_takeover: Callable[[Holder], None]) -> Holder | None:
    """Who holds the lock. One whose holder is gone is removed."""
    holder = held_by(engine, project)
    if holder is None or holder.liveness is not Liveness.GONE:
        return holder
    if holder.status != "created" and not _stays(engine, holder):
        return None
    on_takeover(holder)
    _remove(engine, holder)
    return None


def _stays(engine: Engine, holder: Holder) -> bool:
    """Whether a container that has ended is still there after the time in which the engine removes it by itself."""
    deadline = time.monotonic() + REMOVAL
    while time.monotonic() < deadline:
        try:
            engine.inspect(holder.container)
        except EngineError as error:
            if error.status == 404:
                return False
            raise
        time.sleep(POLL)
    return True


def _remove(engine: Engine, holder: Holder) -> None:
    """By its id: the name may have passed to another one by now."""
    try:
        engine.remove(holder.container)
    except EngineError as error:
        if error.status not in (404, 409):  # gone, or being removed by somebody else
            raise
