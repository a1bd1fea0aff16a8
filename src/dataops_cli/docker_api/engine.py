"""One Docker engine: the calls that we make."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dataops_cli.docker_api.connection import Connection
from dataops_cli.docker_api.errors import EngineError, explained, explained_items, or_none

if TYPE_CHECKING:
    from docker import APIClient

# Longer than any grace period: a network that is gone ends the waiting some day.
STOP_SECONDS = 3600
# How long the engine may take to end a removal that it has begun.
REMOVAL_SECONDS = 60
# The engine would keep back a Ctrl-P of shells and editors, and detach at Ctrl-P Ctrl-Q.
NO_DETACH_KEYS = "ctrl-@,ctrl-@,ctrl-@"


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

    @explained
    def require_reachable(self) -> None:
        """Raises EngineError where the engine takes no new connection; the old ones work while it shuts down."""
        self._client.close()
        self._client.ping()

    @explained
    def info(self) -> dict[str, Any]:
        return dict(self._client.info())

    @explained
    def version(self) -> dict[str, Any]:
        return dict(self._client.version())

    @explained
    def containers(self, *labels: str) -> list[dict[str, Any]]:
        """The containers, running or not, that carry all `labels` (`key` or `key=value`)."""
        return list(self._client.containers(all=True, filters={"label": list(labels)} if labels else None))

    @explained
    def inspect(self, container: str) -> dict[str, Any]:
        return dict(self._client.inspect_container(container))

    @explained
    def create(self, name: str, config: Mapping[str, Any]) -> str:
        """Create a container from Engine API JSON; returns its id."""
        return str(self._client.create_container_from_config(config, name)["Id"])

    @explained
    def start(self, container: str) -> None:
        self._client.start(container)

    @explained
    def stop(self, container: str) -> None:
        """The container's stop signal, then SIGKILL after its own grace period. It stays stopped."""
        self._post_and_wait("/containers/{0}/stop", container)

    @explained
    def restart(self, container: str) -> None:
        """Stop, as `stop` does, and start."""
        self._post_and_wait("/containers/{0}/restart", container)

    def _post_and_wait(self, path: str, container: str) -> None:
        # The SDK's own methods give up on a container whose grace period is longer than they wait for answers.
        client = self._client
        client._raise_for_status(client._post(client._url(path, container), timeout=STOP_SECONDS))

    @explained
    def signal(self, container: str, name: str) -> None:
        """Send a signal to a container's first process. It stays stopped when it ends of its stop signal."""
        self._client.kill(container, name)

    @explained
    def processes(self, container: str) -> list[str]:
        """The command lines of a running container's processes."""
        found = self._client.top(container, ps_args="-eo pid,args")
        return [row[1] for row in found["Processes"] or []]

    @explained
    def stats(self, container: str) -> dict[str, Any]:
        """What a container uses at the moment (`GET /containers/{id}/stats`); empty for one that has just ended."""
        client = self._client
        address = client._url("/containers/{0}/stats", container)
        answer = client._get(address, params={"stream": False, "one-shot": True})
        client._raise_for_status(answer)
        return dict(answer.json()) if answer.content else {}

    @explained
    def rename(self, container: str, name: str) -> None:
        self._client.rename(container, name)

    @explained
    def remove(self, container: str) -> None:
        """Remove a container with its anonymous volumes, stopping it where it still runs. Raises EngineError (409) for
        one that is being removed already."""
        self._client.remove_container(container, v=True, force=True)

    def remove_if_there(self, container: str) -> None:
        """The same; one that is gone is no error, and one that is being removed already is waited for. A command that
        was killed may have asked for it."""
        deadline = time.monotonic() + REMOVAL_SECONDS
        while True:
            try:
                self.remove(container)
                return
            except EngineError as error:
                if error.status == 404:
                    return
                if error.status != 409 or time.monotonic() > deadline:
                    raise
            # Asked again, and not waited for: a removal that fails tells nobody.
            time.sleep(0.2)

    @explained
    def put_archive(self, container: str, folder: str, archive: bytes) -> None:
        """Unpack a tar archive into a folder of a container, which need not run."""
        self._client.put_archive(container, folder, archive)

    @explained
    def put_pieces(self, container: str, folder: str, pieces: Iterator[bytes]) -> None:
        """Unpack a tar archive, which may be large, into a folder that is there; its pieces are sent as they come."""
        # The SDK's own method gives up where the engine takes long to write what it was sent.
        client = self._client
        url = client._url("/containers/{0}/archive", container)
        client._raise_for_status(client._put(url, params={"path": folder}, data=pieces, timeout=STOP_SECONDS))

    @explained_items
    def archive(self, container: str, path: str) -> Iterator[bytes]:
        """A file or folder of a container as a tar archive, in pieces. What lies in a tmpfs is not seen."""
        pieces, _facts = self._client.get_archive(container, path)
        return iter(pieces)

    @explained
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
        events = explained(lambda: self._client.events(filters=filters, decode=True))()
        following = explained(lambda: next(events, None))
        return (event["id"] for event in iter(following, None) if event)

    def _pieces(self, path: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
        client = self._client

        @explained
        def begin() -> Any:
            answer = client._get(client._url(path), params=parameters, stream=True)
            client._raise_for_status(answer)
            client._disable_socket_timeout(client._get_raw_response_socket(answer))
            return answer

        answer = begin()
        content = answer.iter_content(None)
        following = explained(lambda: next(content, b""))
        try:
            yield from iter(following, b"")
        finally:
            answer.close()

    @explained
    def networks(self, label: str) -> list[dict[str, Any]]:
        return list(self._client.networks(filters={"label": label}))

    @explained
    def network(self, name: str) -> dict[str, Any] | None:
        found = [item for item in self._client.networks(names=[name]) if item["Name"] == name]
        return dict(found[0]) if found else None

    @explained
    def create_network(self, config: Mapping[str, Any]) -> None:
        client = self._client
        client._result(client._post_json(client._url("/networks/create"), data=dict(config)), json=True)

    @explained
    def connect(self, network: str, container: str, endpoint: Mapping[str, Any]) -> None:
        client = self._client
        data = {"Container": container, "EndpointConfig": dict(endpoint)}
        client._raise_for_status(client._post_json(client._url("/networks/{0}/connect", network), data=data))

    @explained
    def remove_network(self, name: str) -> None:
        self._client.remove_network(name)

    @explained
    def volumes(self, label: str) -> list[dict[str, Any]]:
        return list(self._client.volumes(filters={"label": label})["Volumes"] or [])

    def volume(self, name: str) -> dict[str, Any] | None:
        return or_none(lambda: dict(explained(self._client.inspect_volume)(name)))

    @explained
    def create_volume(
        self, name: str, driver: str | None, options: Mapping[str, str], labels: Mapping[str, str]
    ) -> None:
        self._client.create_volume(name, driver=driver, driver_opts=dict(options), labels=dict(labels))

    @explained
    def remove_volume(self, name: str) -> None:
        self._client.remove_volume(name)

    def image(self, reference: str) -> dict[str, Any] | None:
        return or_none(lambda: dict(explained(self._client.inspect_image)(reference)))

    @explained
    def tag(self, reference: str, as_reference: str) -> None:
        """Give an image one more name."""
        name, tag = _split_reference(as_reference)
        self._client.tag(reference, name, tag)

    @explained
    def remove_image(self, reference: str) -> None:
        """Take a name from an image, and remove the image where that was the last one. Raises EngineError (409) where
        a container needs it."""
        self._client.remove_image(reference)

    @explained
    def import_empty_image(self, reference: str) -> None:
        """Make an image with nothing in it, for a container that is never started."""
        name, tag = _split_reference(reference)
        empty = bytes(10240)  # a tar archive without entries
        client = self._client
        parameters = {"fromSrc": "-", "repo": name, "tag": tag}
        client._raise_for_status(client._post(client._url("/images/create"), data=empty, params=parameters))

    @explained_items
    def pull(self, reference: str) -> Iterator[dict[str, Any]]:
        """Pull an image; yields the engine's progress documents. A document with `error` is a failure."""
        name, tag = _split_reference(reference)
        return iter(self._client.pull(name, tag=tag, stream=True, decode=True))

    @explained_items
    def push(self, reference: str) -> Iterator[dict[str, Any]]:
        """Push an image to the registry in its name; yields progress documents, as `pull` does."""
        name, tag = _split_reference(reference)
        return iter(self._client.push(name, tag=tag, stream=True, decode=True))

    @explained_items
    def build(self, **options: Any) -> Iterator[dict[str, Any]]:
        """Build an image with the classic builder; yields progress documents, as `pull` does."""
        return iter(self._client.build(decode=True, rm=True, forcerm=True, **options))

    @explained
    def exec(
        self, container: str, command: list[str], environment: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Run a command in a running container, with more variables: its exit code and what it printed."""
        identity = self._client.exec_create(container, command, environment=dict(environment or {}))["Id"]
        output = bytes(self._client.exec_start(identity))
        return int(self._client.exec_inspect(identity)["ExitCode"]), output

    @explained
    def make_exec(
        self,
        container: str,
        command: list[str],
        environment: Mapping[str, str],
        *,
        tty: bool = False,
        stdin: bool = False,
        user: str = "",
        workdir: str | None = None,
    ) -> str:
        """Prepare a command in a running container; returns the id of the exec."""
        made = self._client.exec_create(
            container,
            command,
            tty=tty,
            stdin=stdin,
            user=user,
            workdir=workdir,
            environment=dict(environment),
            detach_keys=NO_DETACH_KEYS,
        )
        return str(made["Id"])

    @explained
    def start_exec(self, identity: str, *, tty: bool) -> Connection:
        return self._upgraded(f"/exec/{identity}/start", {"Tty": tty, "Detach": False})

    @explained_items
    def exec_lines(self, identity: str) -> Iterator[str]:
        """Start a prepared command; yields the lines that it writes, as they come, until it has ended."""
        return _lines(self._client.exec_start(identity, stream=True))

    @explained
    def inspect_exec(self, identity: str) -> dict[str, Any]:
        return dict(self._client.exec_inspect(identity))

    @explained
    def resize_exec(self, identity: str, rows: int, columns: int) -> None:
        self._client.exec_resize(identity, height=rows, width=columns)

    @explained
    def attach(self, container: str, *, stdin: bool) -> Connection:
        """The streams of a container, from before its start on."""
        wanted = f"stdin={int(stdin)}&stdout=1&stderr=1&stream=1&detachKeys={NO_DETACH_KEYS}"
        return self._upgraded(f"/containers/{container}/attach?{wanted}")

    def _upgraded(self, path: str, document: Mapping[str, Any] | None = None) -> Connection:
        client = self._client
        headers = {"Connection": "Upgrade", "Upgrade": "tcp"}
        # Without a document there is no body: the engine would pass an empty one on as input.
        post = client._post if document is None else partial(client._post_json, data=dict(document))
        answer = post(client._url(path), headers=headers, stream=True)
        client._raise_for_status(answer)
        return Connection(answer)

    @explained
    def resize(self, container: str, rows: int, columns: int) -> None:
        self._client.resize(container, height=rows, width=columns)

    @explained
    def wait(self, container: str) -> int:
        """The exit code of a container, once it has stopped."""
        return int(self._client.wait(container, timeout=None)["StatusCode"])


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


def _split_reference(reference: str) -> tuple[str, str | None]:
    """`host:5000/name:tag` → name and tag; a digest stays with the name."""
    name, colon, tag = reference.rpartition(":")
    if "@" in reference:
        return reference, None
    return (name, tag) if colon and "/" not in tag else (reference, "latest")
