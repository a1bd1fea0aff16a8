"""The lock of the stack, as the commands that change it hold it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from dataops_cli.cli.application import Application, command_line

if TYPE_CHECKING:
    from dataops_cli.docker_api import Engine
    from dataops_cli.stack.lock import StackLease


def changing_stack(
    app: Application,
    engine: Engine,
    project: str,
    *,
    reason: str = "",
    images: Sequence[str] = (),
    wait: float = 0.0,
) -> AbstractContextManager[Callable[[], StackLease]]:
    """As `dataops_cli.stack.lock.changing`, for the command as it was typed; the user sees who is waited for."""
    from dataops_cli.stack.lock import changing

    return changing(
        engine,
        project,
        command_line(),
        reason=reason,
        images=images,
        wait=wait,
        on_wait=lambda holder: app.console.progress(f"Waiting for {holder}"),
        on_takeover=lambda holder: app.console.warn(
            f"Took over the lock that {holder} left behind: its holder is gone"
        ),
    )
