"""A command in a running container of the stack."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from dataops_cli.docker_api import Engine, EngineError
from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.stack.conversation import converse, interactive, reads_stdin
from dataops_cli.stack.observe import Container

# What a shell returns for a command that is there and cannot be run, and for one that is not there.
NOT_EXECUTABLE, NOT_FOUND = 126, 127


def running_container(containers: Sequence[Container], service: str, index: int | None) -> Container | None:
    """The container of a service that can be given a command: the first that runs, or number `index`.

    Raises UsageError for a number that does not run while others do; None where none runs.
    """
    running = [
        item
        for item in containers
        if item.service == service and item.state == "running" and not item.one_off
    ]
    for item in running:
        if index in (None, item.number):
            return item
    if running:
        numbers = ", ".join(str(item.number) for item in running)
        raise UsageError(f"Service {service} has no running container {index}", hint=f"Running: {numbers}")
    return None


def not_running(service: str, known: Collection[str], hint: str) -> DataopsError:
    """Why a service can be given no command. `known` are all the services that there are."""
    if service not in known:
        return UsageError(f"There is no service {service}", hint=f"Services: {', '.join(sorted(known))}")
    return DataopsError(f"Service {service} does not run", hint=hint, exit_code=ExitCode.UNAVAILABLE)


def run_command(
    engine: Engine,
    container: Container,
    command: Sequence[str],
    *,
    user: str = "",
    workdir: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run a command with our stdin, stdout and stderr, or our terminal; returns its exit code.

    `environment` has variables besides the container's own. Raises DataopsError, with the exit code of a shell, for a command that cannot be started.
    """
    terminal = interactive()
    identity = engine.make_exec(
        container.id,
        list(command),
        tty=terminal,
        stdin=reads_stdin(),
        user=user,
        workdir=workdir,
        environment=environment or {},
    )
    try:
        connection = engine.start_exec(identity, tty=terminal)
    except EngineError as error:
        raise cannot_start(command[0], container.service, error) from error
    converse(connection, lambda rows, columns: engine.resize_exec(identity, rows, columns))
    while (state := engine.inspect_exec(identity))["Running"]:
        time.sleep(0.02)  # it has closed its output and is not quite gone
    code = int(state["ExitCode"])
    if not state["Pid"] and code in (NOT_EXECUTABLE, NOT_FOUND):
        raise _cannot_start(command[0], container.service, code)
    return code


def cannot_start(command: str, service: str, error: EngineError) -> DataopsError:
    """The engine's refusal to start a command as a clear error; any other refusal as it is."""
    text = error.reason.lower()
    if "executable file not found" in text or "no such file or directory" in text:
        return _cannot_start(command, service, NOT_FOUND)
    if "permission denied" in text or "is a directory" in text:
        return _cannot_start(command, service, NOT_EXECUTABLE)
    return error


def _cannot_start(command: str, service: str, code: int) -> DataopsError:
    return DataopsError(
        f"The container of service {service} cannot start {command}",
        hint="Check the command's name and path, --user and --workdir; options of ours come before the service.",
        exit_code=code,
    )
