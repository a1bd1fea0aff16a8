"""Work along a graph of dependencies: each name after those it needs, independent ones side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from functools import partial
from typing import TypeVar

from dataops_cli.threads import in_thread

K = TypeVar("K")

# What is under way when the user interrupts gets this long, in seconds: stopping a database may take minutes.
INTERRUPT_SECONDS = 2


def along(needs: Mapping[K, Collection[K]], work: Callable[[K], None], cancelled: threading.Event) -> None:
    """Do `work` for every name of `needs`, which come in an order in which each is behind those it needs.

    Raises the first error and sets `cancelled`: what has not begun is left, what is under way is finished or
    gives up by itself.
    """
    futures: dict[K, Future[None]] = {}

    def after(name: K, before: list[Future[None]]) -> None:
        for future in before:
            future.result()
        if not cancelled.is_set():
            work(name)

    try:
        for name, others in needs.items():
            before = [futures[other] for other in others if other in futures]
            futures[name] = in_thread(partial(after, name, before), f"service {name}")
        done, _ = wait(futures.values(), return_when=FIRST_EXCEPTION)
    except BaseException:
        cancelled.set()
        wait(futures.values(), timeout=INTERRUPT_SECONDS)
        raise
    if failed := [item for item in done if item.exception()]:
        cancelled.set()
        wait(futures.values())
    for future in failed:
        future.result()
