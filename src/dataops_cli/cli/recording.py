"""Every command that changes something leaves an entry in the environment's audit: here, and nowhere else.

@command(app)
@audited
def restart(app: Application, …) -> None:
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from dataops_cli.cli.application import Application, command_line
from dataops_cli.errors import DataopsError, ExitCode

if TYPE_CHECKING:
    from dataops_cli.docker_api import Engine
    from dataops_cli.settings.load import Environment
    from dataops_cli.stack.audit import Documents, Entry
    from dataops_cli.stack.state import State

# Seconds that the audit may keep a command waiting.
LIMIT = 10.0
# An address: what comes before its host and behind its path may be a secret.
_ADDRESS = re.compile(r"(?i)(https?://)(?:[^\s/]*@)?([^\s?#]*)(?:[?#]\S*)?")


def audited(function: Callable[..., None]) -> Callable[..., None]:
    """The command, recorded. With `--plan` it changes nothing, and is not; an option `reason` of it is recorded."""

    @functools.wraps(function)
    def run(app: Application, **given: Any) -> None:
        if given.get("plan"):
            function(app, **given)
            return
        with recorded(app, given.get("reason") or ""):
            function(app, **given)

    return run


@contextmanager
def recorded(app: Application, reason: str = "") -> Iterator[None]:
    """Record that the command began, and after the block how it ended. What goes wrong with that is a warning.

    From then on the command goes on where nobody reads its output any more: its exit code tells how it ended.
    """
    from dataops_cli.settings.layers import SETTINGS_FROM

    app.changes = True
    if os.environ.get(SETTINGS_FROM) == "variables":  # in a container: who called it there records it
        yield
        return
    app.console.go_on_unread()
    record = _Record(app, reason)
    record.begin()
    code = int(ExitCode.DONE)
    try:
        yield
    except BaseException as error:
        code = exit_code_of(error)
        raise
    finally:
        record.end(code)


def exit_code_of(error: BaseException) -> int:
    """The exit code with which the program ends for an error that leaves a command."""
    if isinstance(error, DataopsError | typer.Exit):
        return int(error.exit_code)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return ExitCode.INTERRUPTED
    return ExitCode.FAILED


def without_credentials(command: str) -> str:
    """A command line without what may be a secret in the addresses in it."""
    return shlex.join(_ADDRESS.sub(r"\1\2", word) for word in shlex.split(command))


class _Record:
    """One command's entry."""

    def __init__(self, app: Application, reason: str) -> None:
        self._app = app
        self._reason = reason
        self._began = time.monotonic()
        self._entry: Entry | None = None
        self._engine: Engine | None = None
        self._failure = ""

    def begin(self) -> None:
        try:
            environment = self._app.environment
        except DataopsError:
            return  # the command itself says so
        self._entry = self._in_time(lambda: self._write_beginning(environment))

    def end(self, code: int) -> None:
        if (entry := self._entry) is not None:
            ended = entry.ended(code, time.monotonic() - self._began)
            with suppress(KeyboardInterrupt):  # the command itself has ended
                self._in_time(lambda: self._write_end(self._app.environment, ended))
        if (
            self._failure and code != ExitCode.UNAVAILABLE
        ):  # or the command's own error says what is not there
            self._app.console.warn(f"This command is not in the audit: {self._failure}")

    def _in_time(self, write: Callable[[], Entry]) -> Entry | None:
        from dataops_cli.threads import in_thread

        try:
            return in_thread(write, "audit").result(LIMIT)
        except DataopsError as error:
            self._failure = error.reason
        except TookTooLong:
            self._failure = f"it took longer than {LIMIT:.0f} s"
        except Exception as error:
            self._failure = f"{type(error).__name__}: {error}"
        return None

    def _write_beginning(self, environment: Environment) -> Entry:
        from dataops_cli.processes import user_name
        from dataops_cli.release import release_of
        from dataops_cli.stack.audit import Entry, entry_id

        root = self._app.project.root
        place, at = self._place(environment)
        entry = Entry(
            id=entry_id(at),
            at=at.isoformat(timespec="seconds"),
            user=user_name(),
            host=socket.gethostname(),
            folder=str(root),
            release=release_of(root),
            command=without_credentials(command_line()),
            reason=self._reason,
        )
        entry.write(place)
        return entry

    def _write_end(self, environment: Environment, entry: Entry) -> Entry:
        from dataops_cli.stack.observe import observe_containers
        from dataops_cli.stack.state import State

        place, _now = self._place(environment)
        entry.write(place)
        if isinstance(place, State) and not observe_containers(place.engine, place.project):
            place.take_away()  # of a stack that is down nothing is left but its volumes
        return entry

    def _place(self, environment: Environment) -> tuple[Documents, datetime]:
        """Where entries are kept now, and the time there."""
        from dataops_cli.stack.audit import Files

        here = Files(self._app.project.state(environment.name))
        if not environment.settings.stack.enabled:
            return here, datetime.now(UTC)
        from dataops_cli import docker_api
        from dataops_cli.stack.engine_clock import engine_now
        from dataops_cli.stack.state import state_of

        self._engine = self._engine or docker_api.connect()
        state = state_of(self._engine, environment)
        now = (engine_now(self._engine) or datetime.now(UTC)).astimezone(UTC)
        return (state if _is_there(state) else here), now


def _is_there(state: State) -> bool:
    """Whether the engine has anything of the stack. What has not been made yet is not begun with its audit: the first
    `up` knows by the volumes that are missing that it is the first."""
    from dataops_cli.stack.observe import observe_containers

    return state.engine.volume(state.volume) is not None or bool(
        observe_containers(state.engine, state.project)
    )
