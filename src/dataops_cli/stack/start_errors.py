"""Why the engine did not start a container, in plain words, where its own do not help."""

from __future__ import annotations

import re

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import ExitCode

# `listen tcp4 127.0.0.1:80: bind: address already in use`, `Bind for 0.0.0.0:80 failed: port is already allocated`,
# and of newer engines `failed to bind host port 127.0.0.1:80/tcp: address already in use`.
_TAKEN = re.compile(
    r"(?P<place>[\w.:\[\]]+:(?P<port>\d+))(?:/\w+)?(?:: bind| failed)?: "
    r"(?:address already in use|port is already allocated)"
)
# An engine killed while it started a container knows nothing of the processes, which live on, even when it is
# restarted. Another container beside them could ruin a database's volume, so it is not made by itself.
_LOST = re.compile(r"task [0-9a-f]+: already exists|id already in use")


def explain_start(engine: Engine, name: str, container: str, error: EngineError) -> EngineError:
    """The error of starting a container, given by its name and its id, explained; one that says enough as it is."""
    if taken := _TAKEN.search(error.reason):
        by, how = _holder(engine, int(taken["port"]))
        reason = f"The port {taken['place']} of {name} is in use by {by}"
        hint = f"{how}, or move the environment's ports with stack.port_offset."
    elif _LOST.search(error.reason):
        reason = f"The engine seems to have been killed while it started {name}, and has lost track of its processes"
        hint = f"End them on the engine's machine, then run the command again: sudo pkill --full shim.*{container[:12]}"
    else:
        return error
    return EngineError(reason, hint=hint, exit_code=ExitCode.FAILED, status=error.status)


def _holder(engine: Engine, port: int) -> tuple[str, str]:
    """Who holds a port of the engine's machine, and how to end that."""
    for item in engine.containers():
        if port in {published.get("PublicPort") for published in item.get("Ports") or []}:
            name = item["Names"][0].removeprefix("/")
            return f"the container {name}", f"Stop it with: docker stop {name}"
    # Not only what listens: a connection to elsewhere holds its own port too.
    return "a process", f"Find it with: ss --all --processes 'sport = {port}', and stop it"
