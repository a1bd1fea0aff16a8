"""Work along a graph of dependencies: each name after those it needs, independent ones side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, wait

# What is under way when the user interrupts gets this long, in seconds: stopping a database may take minutes.
INTERRUPT_SECONDS = 2


def along(
    needs: Mapping[str, Collection[str]], work: Callable[[str], None], cancelled: threading.Event
) -> None:
    """Do `work` for every name of `needs`, which come in an order in which each is behind those it needs.

    Raises the first error and sets `cancelled`: what has not begun is left, what is under way is finished or
    gives up by itself.
    """
    futures: dict[str, Future[None]] = {}

    def after(name: str, before: list[Future[None]]) -> None:
        for future in before:
            future.result()
        if not cancelled.is_set():
            work(name)

    try:
        for name, others in needs.items():
            before = [futures[other] for other in others if other in futures]
            futures[name] = _in_thread(after, name, before)
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


def _in_thread(
    function: Callable[[str, list[Future[None]]], None], name: str, before: list[Future[None]]
) -> Future[None]:
    """The call in a thread that the program's end does not wait for, as it would for an executor's."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            function(name, before)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(None)

    threading.Thread(target=run, name=f"service {name}", daemon=True).start()
    return future
