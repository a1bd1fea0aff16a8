"""A command inside a container, for which somebody waits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataops_cli.docker_api import Engine
from dataops_cli.stack.observe import Container

# Seconds. `timeout` is in every image of ours: without it, what hangs would stay in the container.
PATIENCE = 6
TIMED_OUT = (124, 137, 143)
# Milliseconds after which a service counts as slow. Starting a command in a container takes a part of it.
SLOW = 2000.0


@dataclass(frozen=True)
class Answer:
    """What a command printed, its exit code, and the milliseconds that it took."""

    code: int
    text: str
    milliseconds: float

    @property
    def timed_out(self) -> bool:
        return self.code in TIMED_OUT


def ask(
    engine: Engine, container: Container, command: Sequence[str], variables: Mapping[str, str] | None = None
) -> Answer:
    begun = time.monotonic()
    code, output = engine.exec(
        container.id, ["timeout", "-k", "1", str(PATIENCE), *command], dict(variables or {})
    )
    return Answer(code, output.decode(errors="replace").strip(), 1000 * (time.monotonic() - begun))
