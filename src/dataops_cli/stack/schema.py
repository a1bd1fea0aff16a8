"""What each key of a Compose file may be, and its canonical form.

A reader takes a value as written and returns it in canonical form; it raises ValueError with words
that follow the key ("must be …"). Every key that is not in the tables is refused.
Source: the Compose specification.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from dataops_cli.stack.units import byte_size, duration, nanoseconds

Reader = Callable[[Any], Any]


class Fault(ValueError):
    """A value that is not what its key takes. `path` leads from the key to the value."""

    def __init__(self, message: str, path: tuple[str | int, ...] = (), known: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.path = path
        self.known = known


def text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Fault("must be text")


def integer(value: Any) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        return int(value)
    except (TypeError, ValueError):
        raise Fault(f"must be a whole number (it is {value!r})") from None


def number(value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise Fault(f"must be a number (it is {value!r})") from None


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise Fault(f"must be true or false (it is {value!r})")


def one_of(*choices: str) -> Reader:
    def read(value: Any) -> str:
        if text(value) not in choices:
            raise Fault(f"must be one of {', '.join(choices)} (it is {value!r})")
        return text(value)

    return read


def span(value: Any) -> str:
    try:
        return duration(nanoseconds(text(value)))
    except ValueError as error:
        raise Fault(f"must be a duration such as 30s or 1m30s ({error})") from None


def size(value: Any) -> str:
    try:
        return str(byte_size(value if isinstance(value, int) else text(value)))
    except ValueError as error:
        raise Fault(f"must be a size such as 512m or 2g ({error})") from None


def texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise Fault("must be a list")
    return [text(item) for item in value]


def text_or_texts(value: Any) -> list[str]:
    return texts(value) if isinstance(value, list) else [text(value)]


def command(value: Any) -> list[str] | None:
    """A text is split as a shell would, without running one."""
    if value is None or isinstance(value, list):
        return None if value is None else texts(value)
    try:
        return shlex.split(text(value))
    except ValueError as error:
        raise Fault(f"cannot be split into words: {error}") from None


def pairs(value: Any) -> dict[str, str | None]:
    """`{A: 1}` or `[A=1]`; a key without a value is None."""
    if isinstance(value, dict):
        return {key: None if item is None else text(item) for key, item in value.items()}
    result: dict[str, str | None] = {}
    for entry in texts(value):
        key, equals, item = entry.partition("=")
        result[key] = item if equals else None
    return result


def named_texts(value: Any) -> dict[str, str]:
    return {key: item or "" for key, item in pairs(value).items()}


def record(readers: Mapping[str, Reader], *, required: tuple[str, ...] = ()) -> Reader:
    """A mapping with known keys; `x-…` keys are left out."""

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Fault("must be a mapping of keys")
        result = {}
        for key, item in value.items():
            if key.startswith("x-"):
                continue
            if key not in readers:
                raise Fault("is not supported", (key,), tuple(readers))
            result[key] = within(key, readers[key], item)
        for key in required:
            if key not in result:
                raise Fault(f"needs {key}")
        return result

    return read


def within(key: str | int, reader: Reader, value: Any) -> Any:
    """Read a value that stands under a key; a fault knows the way to it."""
    try:
        return reader(value)
    except Fault as fault:
        raise Fault(str(fault), (key, *fault.path), fault.known) from None


def list_of(reader: Reader) -> Reader:
    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Fault("must be a list")
        result: list[Any] = []
        for index, item in enumerate(value):
            read_item = within(index, reader, item)
            result += read_item if isinstance(read_item, list) else [read_item]
        return result

    return read


def names_with(reader: Reader, default: Any = None) -> Reader:
    """`[a, b]` or `{a: …, b: …}` as a mapping."""

    def read(value: Any) -> dict[str, Any]:
        if isinstance(value, list):
            return dict.fromkeys(texts(value), default)
        if not isinstance(value, dict):
            raise Fault("must be a list or a mapping")
        return {key: default if item is None else within(key, reader, item) for key, item in value.items()}

    return read


_PORT = re.compile(
    r"(?:(?P<ip>\[[0-9a-fA-F:.]+\]|[0-9]+(?:\.[0-9]+){3}):)?(?:(?P<published>[0-9]+(?:-[0-9]+)?)?:)?"
    r"(?P<target>[0-9]+(?:-[0-9]+)?)(?:/(?P<protocol>tcp|udp))?"
)


def port(value: Any) -> list[dict[str, Any]]:
    """`8080:80`, `127.0.0.1:8080:80/udp`, ranges, or the long form: one entry per port of the container."""
    if isinstance(value, dict):
        long = _LONG_PORT(value)
        return [{"mode": "ingress"} | long | {"protocol": long.get("protocol", "tcp")}]
    found = _PORT.fullmatch(text(value))
    if found is None or (found["ip"] and ":" not in text(value)):
        raise Fault(f"must be a port such as 127.0.0.1:8080:80 (it is {value!r})")
    targets = _range(found["target"])
    published = found["published"]
    hosts = _range(published) if published else []
    if len(targets) > 1 and hosts and len(hosts) != len(targets):
        raise Fault(f"must name as many host ports as container ports (it is {value!r})")
    result = []
    for index, target in enumerate(targets):
        entry: dict[str, Any] = {"mode": "ingress", "target": target, "protocol": found["protocol"] or "tcp"}
        if published:
            # One container port takes any free port of a range.
            entry["published"] = published if len(targets) == 1 else str(hosts[index])
        if found["ip"]:
            entry["host_ip"] = found["ip"].strip("[]")
        result.append(entry)
    return result


def _range(given: str) -> list[int]:
    first, _, last = given.partition("-")
    ports = list(range(int(first), int(last or first) + 1))
    if not ports or not 1 <= ports[0] <= ports[-1] <= 65535:
        raise Fault(f"must be within 1 and 65535, from low to high (it is {given})")
    return ports


_LONG_PORT = record(
    {
        "target": integer,
        "published": text,
        "host_ip": text,
        "protocol": one_of("tcp", "udp"),
        "mode": one_of("ingress", "host"),
    },
    required=("target",),
)


def mount(value: Any) -> dict[str, Any]:
    """`./dir:/target:ro`, `name:/target`, `/target`, or the long form."""
    if isinstance(value, dict):
        long: dict[str, Any] = _LONG_MOUNT(value)
        if long["type"] == "volume":
            long.setdefault("volume", {})
        return long
    parts = text(value).split(":")
    if len(parts) > 3 or not parts[-1] or (len(parts) > 1 and not parts[1].startswith("/")):
        raise Fault(f"must be SOURCE:/TARGET or SOURCE:/TARGET:ro (it is {value!r})")
    if len(parts) == 1:
        return {"type": "volume", "target": parts[0], "volume": {}}
    source, target = parts[:2]
    kind = "bind" if source.startswith(("/", ".", "~")) else "volume"
    result: dict[str, Any] = {"type": kind, "source": source, "target": target}
    details: dict[str, Any] = {"create_host_path": True} if kind == "bind" else {}
    for option in parts[2].split(",") if len(parts) == 3 else []:
        if option == "ro":
            result["read_only"] = True
        elif option in ("z", "Z") and kind == "bind":
            details["selinux"] = option
        elif option == "nocopy" and kind == "volume":
            details["nocopy"] = True
        elif option != "rw":
            raise Fault(f"has the option {option}, which is not supported")
    return result | {kind: details}


_LONG_MOUNT = record(
    {
        "type": one_of("bind", "volume", "tmpfs"),
        "source": text,
        "target": text,
        "read_only": boolean,
        "bind": record({"create_host_path": boolean, "selinux": one_of("z", "Z")}),
        "volume": record({"nocopy": boolean}),
        "tmpfs": record({"size": size}),
    },
    required=("type", "target"),
)


def build(value: Any) -> dict[str, Any]:
    return {"context": value} if isinstance(value, str) else dict(_BUILD(value))


_BUILD = record(
    {
        "context": text,
        "dockerfile": text,
        "args": pairs,
        "target": text,
        "labels": named_texts,
        "network": text,
    }
)


def _test(value: Any) -> list[str]:
    if not isinstance(value, list):
        return ["CMD-SHELL", text(value)]
    words = texts(value)
    if not words or words[0] not in ("NONE", "CMD", "CMD-SHELL"):
        raise Fault("must begin with NONE, CMD or CMD-SHELL")
    return words


healthcheck = record(
    {
        "test": _test,
        "interval": span,
        "timeout": span,
        "retries": integer,
        "start_period": span,
        "start_interval": span,
        "disable": boolean,
    }
)
_DEPENDENCY = record(
    {
        "condition": one_of("service_started", "service_healthy", "service_completed_successfully"),
        "restart": boolean,
        "required": boolean,
    }
)


def depends_on(value: Any) -> dict[str, Any]:
    found = names_with(_DEPENDENCY, {})(value)
    return {name: {"condition": "service_started", "required": True} | how for name, how in found.items()}


def secret_use(value: Any) -> dict[str, Any]:
    use = _SECRET_USE(value) if isinstance(value, dict) else {"source": text(value)}
    return {"target": f"/run/secrets/{use['source']}"} | use


def _mode(value: Any) -> int:
    return int(value, 8) if isinstance(value, str) and re.fullmatch("0?[0-7]{3}", value) else integer(value)


_SECRET_USE = record(
    {"source": text, "target": text, "uid": text, "gid": text, "mode": _mode}, required=("source",)
)


def extra_hosts(value: Any) -> list[str]:
    """`host:ip`, `host=ip` or a mapping, as `host=ip`."""
    if isinstance(value, dict):
        return [f"{host}={text(address)}" for host, address in sorted(value.items())]
    entries = texts(value)
    if bad := [entry for entry in entries if not re.search("[:=]", entry)]:
        raise Fault(f"must be HOST=ADDRESS (it is {bad[0]!r})")
    return [entry if "=" in entry else entry.replace(":", "=", 1) for entry in entries]


def restart(value: Any) -> str:
    policy = "no" if value is False else text(value)
    if not re.fullmatch(r"no|always|unless-stopped|on-failure(:[0-9]+)?", policy):
        raise Fault(f"must be no, always, unless-stopped or on-failure[:N] (it is {value!r})")
    return policy


def ulimits(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Fault("must be a mapping of keys")
    limit = record({"soft": integer, "hard": integer}, required=("soft", "hard"))
    return {
        key: within(key, limit, item) if isinstance(item, dict) else within(key, integer, item)
        for key, item in value.items()
    }


_RESOURCES = record({"cpus": number, "memory": size})

SERVICE: dict[str, Reader] = {
    "build": build,
    "cap_add": texts,
    "cap_drop": texts,
    "command": command,
    "container_name": text,
    "cpus": number,
    "depends_on": depends_on,
    "deploy": record(
        {"replicas": integer, "resources": record({"limits": _RESOURCES, "reservations": _RESOURCES})}
    ),
    "entrypoint": command,
    "env_file": text_or_texts,
    "environment": pairs,
    "expose": lambda value: [text(item) for item in texts(value)],
    "extra_hosts": extra_hosts,
    "group_add": texts,
    "healthcheck": healthcheck,
    "hostname": text,
    "image": text,
    "init": boolean,
    "labels": named_texts,
    "logging": record({"driver": text, "options": named_texts}),
    "mem_limit": size,
    "networks": names_with(record({"aliases": texts, "ipv4_address": text})),
    "pids_limit": integer,
    "ports": list_of(port),
    "profiles": texts,
    "pull_policy": one_of("always", "never", "missing", "if_not_present", "build"),
    "read_only": boolean,
    "restart": restart,
    "scale": integer,
    "secrets": list_of(secret_use),
    "security_opt": texts,
    "shm_size": size,
    "stdin_open": boolean,
    "stop_grace_period": span,
    "stop_signal": text,
    "tmpfs": text_or_texts,
    "tty": boolean,
    "ulimits": ulimits,
    "user": text,
    "volumes": list_of(mount),
    "working_dir": text,
}
NETWORK: dict[str, Reader] = {
    "driver": text,
    "external": boolean,
    "internal": boolean,
    "ipam": record(
        {"driver": text, "config": list_of(record({"subnet": text, "gateway": text, "ip_range": text}))}
    ),
    "labels": named_texts,
    "name": text,
}
VOLUME: dict[str, Reader] = {
    "driver": text,
    "driver_opts": named_texts,
    "external": boolean,
    "labels": named_texts,
    "name": text,
}
SECRET: dict[str, Reader] = {"environment": text, "file": text, "name": text}


def sections(reader: Mapping[str, Reader]) -> Reader:
    """A mapping of names to records; a name with nothing under it is an empty record."""

    def read(value: Any) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Fault("must be a mapping of names")
        return {
            name: within(name, record(reader), {} if item is None else item)
            for name, item in value.items()
            if not name.startswith("x-")
        }

    return read


FILE: dict[str, Reader] = {
    "name": text,
    "networks": sections(NETWORK),
    "secrets": sections(SECRET),
    "services": sections(SERVICE),
    "version": text,
    "volumes": sections(VOLUME),
}
