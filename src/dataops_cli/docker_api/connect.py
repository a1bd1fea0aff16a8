"""Connecting to the engine that is meant."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataops_cli.docker_api.address import context_name
from dataops_cli.docker_api.engine import Engine
from dataops_cli.docker_api.errors import EngineError, explained
from dataops_cli.errors import ExitCode, UsageError

OLDEST_API = (1, 41)
# An answer of the engine may take this long, but for stopping a container.
ANSWER_SECONDS = 60
CONNECTIONS = 64


def connect() -> Engine:
    """The engine of DOCKER_HOST, else of Docker's current context, else the local one.

    Raises EngineError (exit 3) where it cannot be reached or is too old, UsageError for an unknown context.
    """
    with _without_ssh():
        from docker import APIClient
    from docker.context import ContextAPI
    from docker.utils import kwargs_from_env

    class Client(APIClient):  # type: ignore[misc]  # the SDK ships no types
        def merge_environment_settings(
            self, url: str, proxies: Any, stream: Any, verify: Any, cert: Any
        ) -> dict[str, Any]:
            """The engine's own certificate authority is not that of REQUESTS_CA_BUNDLE, which would win."""
            chosen = self.verify if verify is None else verify
            return dict(super().merge_environment_settings(url, proxies, stream, chosen, cert))

    _refuse_unknown_context()
    address = explained(kwargs_from_env)()
    if "base_url" not in address:
        address = ContextAPI.kwargs_from_context() | address
    engine = Engine(
        explained(Client)(version="auto", timeout=ANSWER_SECONDS, max_pool_size=CONNECTIONS, **address)
    )
    if engine.api_version < OLDEST_API:
        raise EngineError(
            f"The Docker engine speaks API {'.'.join(map(str, engine.api_version))}; "
            f"{'.'.join(map(str, OLDEST_API))} is the oldest that works",
            hint="Upgrade Docker to 20.10 or newer.",
            exit_code=ExitCode.UNAVAILABLE,
        )
    return engine


@contextmanager
def _without_ssh() -> Iterator[None]:
    """Import the SDK without its library for ssh://, which takes a sixth of a short command's time to load.

    Only DOCKER_HOST, and contexts where there are any, can ask for it.
    """
    configuration = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    host = os.environ.get("DOCKER_HOST", "")
    if host.startswith("ssh://") or (not host and (configuration / "contexts").exists()):
        yield
        return
    blocked = {"paramiko": None} if "paramiko" not in sys.modules else {}
    sys.modules.update(blocked)  # type: ignore[arg-type]  # None makes an import fail
    try:
        yield
    finally:
        for module in blocked:
            del sys.modules[module]


def _refuse_unknown_context() -> None:
    """The SDK would take the local engine for a context that is not there."""
    from docker.context import ContextAPI

    if not os.environ.get("DOCKER_HOST") and ContextAPI.get_context(context_name()) is None:
        raise UsageError(
            f"There is no Docker context {context_name()}",
            # The SDK finds contexts beside Docker's config.json only, which `docker context use` makes.
            hint="See which there are: docker context ls; then correct DOCKER_CONTEXT, or: docker context use NAME",
        )
