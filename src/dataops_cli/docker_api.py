"""The Docker engine, through the Docker SDK. The only module that imports `docker`.

Answers are the Engine API's own JSON documents; what goes wrong becomes a DataopsError.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from dataops_cli.connection import Connection
from dataops_cli.errors import DataopsError, ExitCode, UsageError

if TYPE_CHECKING:
    from docker import APIClient

OLDEST_API = (1, 41)
# An answer of the engine may take this long; stopping a container gets its grace period on top.
ANSWER_SECONDS = 60
CONNECTIONS = 64
# The engine would keep back a Ctrl-P of shells and editors, and detach at Ctrl-P Ctrl-Q.
NO_DETACH_KEYS = "ctrl-@,ctrl-@,ctrl-@"

P = ParamSpec("P")
T = TypeVar("T")


class EngineError(DataopsError):
    """The engine refused a call. `status` is its HTTP status, 0 where there was no answer."""

    def __init__(self, reason: str, *, hint: str, exit_code: ExitCode, status: int = 0) -> None:
        super().__init__(reason, hint=hint, exit_code=exit_code)
        self.status = status


def _explained(function: Callable[P, T]) -> Callable[P, T]:
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


def _explained_items(function: Callable[P, Iterator[T]]) -> Callable[P, Iterator[T]]:
    """Like `_explained`, for what is still being received while it is read."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        items = _explained(function)(*args, **kwargs)
        following = _explained(lambda: next(items, None))
        while (item := following()) is not None:
            yield item

    return call


class Engine:
    """One Docker engine. Calls may come from several threads."""

    def __init__(self, client: APIClient) -> None:
        self._client = client
        major, minor = client.api_version.split(".")
        self.api_version = (int(major), int(minor))

    @property
    def remote(self) -> bool:
        """Whether the engine sees another file system than this process, as far as its address tells."""
        address = urlsplit(str(self._client.base_url))
        if address.scheme == "http+docker":
            return address.hostname == "ssh"
        return address.hostname not in ("localhost", "127.0.0.1", "::1")

    @_explained
    def require_reachable(self) -> None:
        """Raises EngineError where the engine takes no new connection; the old ones work while it shuts down."""
        self._client.close()
        self._client.ping()

    @_explained
    def info(self) -> dict[str, Any]:
        return dict(self._client.info())

    @_explained
    def version(self) -> dict[str, Any]:
        return dict(self._client.version())

    @_explained
    def containers(self, *labels: str) -> list[dict[str, Any]]:
        """The containers, running or not, that carry all `labels` (`key` or `key=value`)."""
        return list(self._client.containers(all=True, filters={"label": list(labels)} if labels else None))

    @_explained
    def inspect(self, container: str) -> dict[str, Any]:
        return dict(self._client.inspect_container(container))

    @_explained
    def create(self, name: str, config: Mapping[str, Any]) -> str:
        """Create a container from Engine API JSON; returns its id."""
        return str(self._client.create_container_from_config(config, name)["Id"])

    @_explained
    def start(self, container: str) -> None:
        self._client.start(container)

    @_explained
    def stop(self, container: str) -> None:
        """The container's stop signal, then SIGKILL after its own grace period. It stays stopped."""
        self._post_and_wait("/containers/{0}/stop", container)

    @_explained
    def restart(self, container: str) -> None:
        """Stop, as `stop` does, and start."""
        self._post_and_wait("/containers/{0}/restart", container)

    def _post_and_wait(self, path: str, container: str) -> None:
        # The SDK's own methods give up on a container whose grace period is longer than they wait for answers.
        client = self._client
        client._raise_for_status(client._post(client._url(path, container), timeout=None))

    @_explained
    def rename(self, container: str, name: str) -> None:
        self._client.rename(container, name)

    @_explained
    def remove(self, container: str) -> None:
        """Remove a container with its anonymous volumes, stopping it where it still runs."""
        self._client.remove_container(container, v=True, force=True)

    @_explained
    def put_archive(self, container: str, folder: str, archive: bytes) -> None:
        """Unpack a tar archive into a folder of a container, which need not run."""
        self._client.put_archive(container, folder, archive)

    @_explained
    def logs(self, container: str, *, tail: int | str = "all", since: int | None = None) -> bytes:
        return bytes(self._client.logs(container, tail=tail, since=since, timestamps=True))

    def log(self, container: str, *, follow: bool, tail: int | None, since: int | None) -> Iterator[bytes]:
        """A log with timestamps in the engine's framing, in pieces as they come; followed until it stops."""
        parameters = {"stdout": 1, "stderr": 1, "timestamps": 1, "follow": int(follow), "since": since or 0}
        return self._pieces(
            f"/containers/{container}/logs", parameters | {"tail": "all" if tail is None else tail}
        )

    def starts(self, label: str) -> Iterator[str]:
        """The id of each container with the label that starts from now on."""
        filters = {"type": ["container"], "event": ["start"], "label": [label]}
        events = _explained(lambda: self._client.events(filters=filters, decode=True))()
        following = _explained(lambda: next(events, None))
        return (event["id"] for event in iter(following, None) if event)

    def _pieces(self, path: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
        client = self._client

        @_explained
        def begin() -> Any:
            answer = client._get(client._url(path), params=parameters, stream=True)
            client._raise_for_status(answer)
            client._disable_socket_timeout(client._get_raw_response_socket(answer))
            return answer

        answer = begin()
        content = answer.iter_content(None)
        following = _explained(lambda: next(content, b""))
        try:
            yield from iter(following, b"")
        finally:
            answer.close()

    @_explained
    def networks(self, label: str) -> list[dict[str, Any]]:
        return list(self._client.networks(filters={"label": label}))

    @_explained
    def network(self, name: str) -> dict[str, Any] | None:
        found = [item for item in self._client.networks(names=[name]) if item["Name"] == name]
        return dict(found[0]) if found else None

    @_explained
    def create_network(self, config: Mapping[str, Any]) -> None:
        client = self._client
        client._result(client._post_json(client._url("/networks/create"), data=dict(config)), json=True)

    @_explained
    def connect(self, network: str, container: str, endpoint: Mapping[str, Any]) -> None:
        client = self._client
        data = {"Container": container, "EndpointConfig": dict(endpoint)}
        client._raise_for_status(client._post_json(client._url("/networks/{0}/connect", network), data=data))

    @_explained
    def remove_network(self, name: str) -> None:
        self._client.remove_network(name)

    @_explained
    def volumes(self, label: str) -> list[dict[str, Any]]:
        return list(self._client.volumes(filters={"label": label})["Volumes"] or [])

    def volume(self, name: str) -> dict[str, Any] | None:
        return _or_none(lambda: dict(_explained(self._client.inspect_volume)(name)))

    @_explained
    def create_volume(
        self, name: str, driver: str | None, options: Mapping[str, str], labels: Mapping[str, str]
    ) -> None:
        self._client.create_volume(name, driver=driver, driver_opts=dict(options), labels=dict(labels))

    @_explained
    def remove_volume(self, name: str) -> None:
        self._client.remove_volume(name)

    def image(self, reference: str) -> dict[str, Any] | None:
        return _or_none(lambda: dict(_explained(self._client.inspect_image)(reference)))

    @_explained
    def import_empty_image(self, reference: str) -> None:
        """Make an image with nothing in it, for a container that is never started."""
        name, tag = _split_reference(reference)
        empty = bytes(10240)  # a tar archive without entries
        client = self._client
        parameters = {"fromSrc": "-", "repo": name, "tag": tag}
        client._raise_for_status(client._post(client._url("/images/create"), data=empty, params=parameters))

    @_explained_items
    def pull(self, reference: str) -> Iterator[dict[str, Any]]:
        """Pull an image; yields the engine's progress documents. A document with `error` is a failure."""
        name, tag = _split_reference(reference)
        return iter(self._client.pull(name, tag=tag, stream=True, decode=True))

    @_explained_items
    def build(self, **options: Any) -> Iterator[dict[str, Any]]:
        """Build an image with the classic builder; yields progress documents, as `pull` does."""
        return iter(self._client.build(decode=True, rm=True, forcerm=True, **options))

    @_explained
    def exec(
        self, container: str, command: list[str], environment: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Run a command in a running container, with more variables: its exit code and what it printed."""
        identity = self._client.exec_create(container, command, environment=dict(environment or {}))["Id"]
        output = bytes(self._client.exec_start(identity))
        return int(self._client.exec_inspect(identity)["ExitCode"]), output

    @_explained
    def make_exec(
        self, container: str, command: list[str], *, tty: bool, stdin: bool, user: str, workdir: str | None
    ) -> str:
        """Prepare a command in a running container; returns the id of the exec."""
        made = self._client.exec_create(
            container,
            command,
            tty=tty,
            stdin=stdin,
            user=user,
            workdir=workdir,
            detach_keys=NO_DETACH_KEYS,
        )
        return str(made["Id"])

    @_explained
    def start_exec(self, identity: str, *, tty: bool) -> Connection:
        return self._upgraded(f"/exec/{identity}/start", {"Tty": tty, "Detach": False})

    @_explained
    def inspect_exec(self, identity: str) -> dict[str, Any]:
        return dict(self._client.exec_inspect(identity))

    @_explained
    def resize_exec(self, identity: str, rows: int, columns: int) -> None:
        self._client.exec_resize(identity, height=rows, width=columns)

    @_explained
    def attach(self, container: str, *, stdin: bool) -> Connection:
        """The streams of a container, from before its start on."""
        wanted = f"stdin={int(stdin)}&stdout=1&stderr=1&stream=1&detachKeys={NO_DETACH_KEYS}"
        return self._upgraded(f"/containers/{container}/attach?{wanted}", {})

    def _upgraded(self, path: str, document: Mapping[str, Any]) -> Connection:
        client = self._client
        headers = {"Connection": "Upgrade", "Upgrade": "tcp"}
        answer = client._post_json(client._url(path), headers=headers, data=dict(document), stream=True)
        client._raise_for_status(answer)
        return Connection(answer)

    @_explained
    def resize(self, container: str, rows: int, columns: int) -> None:
        self._client.resize(container, height=rows, width=columns)

    @_explained
    def wait(self, container: str) -> int:
        """The exit code of a container, once it has stopped."""
        return int(self._client.wait(container, timeout=None)["StatusCode"])


def build_context(folder: Path, dockerfile: str) -> set[str]:
    """What a build in `folder` sends to the engine: paths relative to it, as `.dockerignore` leaves them."""
    from docker.utils.build import exclude_paths

    ignore = folder / ".dockerignore"
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return set(exclude_paths(str(folder), patterns, dockerfile=dockerfile))


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
    address = _explained(kwargs_from_env)()
    if "base_url" not in address:
        address = ContextAPI.kwargs_from_context() | address
    engine = Engine(
        _explained(Client)(version="auto", timeout=ANSWER_SECONDS, max_pool_size=CONNECTIONS, **address)
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


def engine_place() -> str:
    """Where the engine is looked for, as a user would name it."""
    return os.environ.get("DOCKER_HOST") or f"the context {_context()}"


def _context() -> str:
    from docker.context import config

    return os.environ.get("DOCKER_CONTEXT") or str(config.get_current_context_name())


def _refuse_unknown_context() -> None:
    """The SDK would take the local engine for a context that is not there."""
    from docker.context import ContextAPI

    if not os.environ.get("DOCKER_HOST") and ContextAPI.get_context(_context()) is None:
        raise UsageError(
            f"There is no Docker context {_context()}",
            # The SDK finds contexts beside Docker's config.json only, which `docker context use` makes.
            hint="See which there are: docker context ls; then correct DOCKER_CONTEXT, or: docker context use NAME",
        )


def _or_none(call: Callable[[], T]) -> T | None:
    try:
        return call()
    except EngineError as error:
        if error.status == 404:
            return None
        raise


def _split_reference(reference: str) -> tuple[str, str | None]:
    """`host:5000/name:tag` → name and tag; a digest stays with the name."""
    name, colon, tag = reference.rpartition(":")
    if "@" in reference:
        return reference, None
    return (name, tag) if colon and "/" not in tag else (reference, "latest")


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
    while below := error.__cause__ or error.__context__:
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
