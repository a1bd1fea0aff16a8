"""Which engine is meant: that of DOCKER_HOST, else of Docker's current context."""

from __future__ import annotations

import os


def engine_place() -> str:
    """Where the engine is looked for, as a user would name it."""
    return os.environ.get("DOCKER_HOST") or f"the context {context_name()}"


def context_name() -> str:
    """The context that Docker itself would use."""
    from docker.context import config

    return os.environ.get("DOCKER_CONTEXT") or str(config.get_current_context_name())
