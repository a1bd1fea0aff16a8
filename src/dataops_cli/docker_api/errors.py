"""The SDK's exceptions as errors that say what to do."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from dataops_cli.docker_api.address import engine_place
from dataops_cli.errors import DataopsError, ExitCode

P = ParamSpec("P")
T = TypeVar("T")


class EngineError(DataopsError):
    """The engine refused a call. `status` is its HTTP status, 0 where there was no answer."""

    def __init__(self, reason: str, *, hint: str, exit_code: ExitCode, status: int = 0) -> None:
        super().__init__(reason, hint=hint, exit_code=exit_code)
        self.status = status


def explained(function: Callable[P, T]) -> Callable[P, T]:
    """The SDK's exceptions as EngineError."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        try:
            return function(*args, **kwargs)
        except APIError as error:
            raise refusal(str(error.explanation or error), error.status_code or 0) from error
        except (DockerException, RequestException, OSError) as error:
            raise _unreachable(error) from error
        except Exception as error:
            # Of ssh://, whose library is loaded for it alone.
            if type(error).__module__.startswith("paramiko."):
                raise _unreachable(error) from error
            raise

    return call


def explained_items(function: Callable[P, Iterator[T]]) -> Callable[P, Iterator[T]]:
    """Like `explained`, for what is still being received while it is read."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        items = explained(function)(*args, **kwargs)
        following = explained(lambda: next(items, None))
        while (item := following()) is not None:
            yield item

    return call


def or_none(call: Callable[[], T]) -> T | None:
    """The answer, or None where the engine says that there is no such thing."""
    try:
        return call()
    except EngineError as error:
        if error.status == 404:
            return None
        raise


def refusal(message: str, status: int) -> EngineError:
    """What the engine said, with what to do about it. `status` is its HTTP status."""
    lowered = message.lower()
    if "port is already allocated" in lowered or "address already in use" in lowered:
        hint = "Find who holds the port and stop it, or move the environment's ports with stack.port_offset."
    elif "no space left" in lowered:
        hint = "Free some space on the engine's disk, for example: docker image prune"
    elif "is already in use by container" in lowered:
        hint = "Another command is changing this stack, or a foreign container has the name: docker ps --all"
    else:
        hint = "Mend what the engine names, then run the command again: it goes on where it stopped."
    missing = status == 404 or "no space left" in lowered
    return EngineError(
        f"The Docker engine refused: {message}",
        hint=hint,
        exit_code=ExitCode.UNAVAILABLE if missing else ExitCode.FAILED,
        status=status,
    )


def _innermost(error: BaseException) -> str:
    """What the operating system said, below the layers of HTTP that each wrap it in words."""
    seen: list[BaseException] = []
    # An error that was being handled already is another one; and urllib3 can make the chain a ring.
    while (below := error.__cause__ or error.__context__) and not isinstance(below, DataopsError):
        if below in seen:
            break
        seen.append(below)
        error = below
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _unreachable(error: Exception) -> EngineError:
    text = _innermost(error)
    if "known_hosts" in text:
        hint = "Connect once by hand and check the host's key: ssh HOST"
    elif "Permission denied" in text:
        hint = "Let your user use Docker: sudo usermod -aG docker $USER, then log in again."
    elif os.environ.get("DOCKER_HOST"):
        hint = "Check DOCKER_HOST and that the engine there runs: docker info"
    else:
        hint = "Start Docker, or name an engine with DOCKER_HOST or: docker context use NAME"
    return EngineError(
        f"Cannot reach the Docker engine of {engine_place()}: {text}",
        hint=hint,
        exit_code=ExitCode.UNAVAILABLE,
    )
