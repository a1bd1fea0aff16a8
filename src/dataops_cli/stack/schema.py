"""What each key of a Compose file may be. Every key that is not in the tables is refused.

Source: the Compose specification.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from dataops_cli.stack.readers import (
    Fault,
    Record,
    boolean,
    command,
    integer,
    list_of,
    named_texts,
    names_with,
    number,
    one_of,
    pairs,
    sections,
    size,
    span,
    text,
    text_or_texts,
    texts,
    within,
)

_PORT = re.compile(
    r"(?:(?P<ip>\[[0-9a-fA-F:.]+\]|[0-9]+(?:\.[0-9]+){3}):)?(?:(?P<published>[0-9]+(?:-[0-9]+)?)?:)?"
    r"(?P<target>[0-9]+(?:-[0-9]+)?)(?:/(?P<protocol>tcp|udp))?",
    re.IGNORECASE,
)


def port(value: Any) -> list[dict[str, Any]]:
    """`8080:80`, `127.0.0.1:8080:80/udp`, ranges, or the long form: one entry per port of the container."""
    if isinstance(value, dict):
        long = _LONG_PORT(value)
        for key in ("target", "published"):
            within(key, _range, str(long.get(key, 1)))
        return [{"mode": "ingress"} | long | {"protocol": long.get("protocol", "tcp")}]
    found = _PORT.fullmatch(text(value))
    if found is None or (found["ip"] and ":" not in text(value)):
        raise Fault(f"must be a port such as 127.0.0.1:8080:80 (it is {value!r})")
    targets = _range(found["target"])
    published = found["published"]
    hosts = _range(published) if published else []
    if len(targets) > 1 and hosts and len(hosts) != len(targets):
        raise Fault(f"must name as many host ports as container ports (it is {value!r})")
    protocol = (found["protocol"] or "tcp").lower()
    result = []
    for index, target in enumerate(targets):
        entry: dict[str, Any] = {"mode": "ingress", "target": target, "protocol": protocol}
        if published:
            # One container port takes any free port of a range.
            entry["published"] = published if len(targets) == 1 else str(hosts[index])
        if found["ip"]:
            entry["host_ip"] = found["ip"].strip("[]")
        result.append(entry)
    return result


def _range(given: str) -> list[int]:
    first, _, last = given.partition("-")
    ports = list(range(integer(first), integer(last or first) + 1))
    if not ports or not 1 <= ports[0] <= ports[-1] <= 65535:
        raise Fault(f"must be within 1 and 65535, from low to high (it is {given})")
    return ports


_LONG_PORT = Record(
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
        if long["type"] == "bind" and "source" not in long:
            raise Fault("needs source")
        bind = long.get("bind", {})
        if bind.get("create_host_path") is False:
            del bind["create_host_path"]
        if "selinux" in bind and "create_host_path" not in bind:
            raise Fault("has selinux, which the engine takes with create_host_path: true alone")
        return long
    parts = text(value).split(":")
    if len(parts) > 3 or not parts[-1] or (len(parts) > 1 and not parts[1].startswith("/")):
        raise Fault(f"must be SOURCE:/TARGET or SOURCE:/TARGET:ro (it is {value!r})")
    if len(parts) == 1:
        return {"type": "volume", "target": _cleaned(parts[0]), "volume": {}}
    source, target = parts[0], _cleaned(parts[1])
    if re.fullmatch("[a-zA-Z]", source):
        raise Fault(f"has the source {source}, which Compose takes for a drive; the long form can have it")
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
        elif option == "rw":
            result.pop("read_only", None)
        else:
            raise Fault(f"has the option {option}, which is not supported")
    return result | {kind: details}


def _cleaned(path: Any) -> str:
    return posixpath.normpath(text(path))


_LONG_MOUNT = Record(
    {
        "type": one_of("bind", "volume", "tmpfs"),
        "source": text,
        "target": _cleaned,
        "read_only": boolean,
        "bind": Record({"create_host_path": boolean, "selinux": one_of("z", "Z")}),
        "volume": Record({"nocopy": boolean}),
        "tmpfs": Record({"size": size}),
    },
    required=("type", "target"),
)


def build(value: Any) -> dict[str, Any]:
    return {"context": _folder(value)} if isinstance(value, str) else dict(_BUILD(value))


def _folder(value: Any) -> str:
    if re.match(r"[a-z+]+://|git@|github\.com/", text(value)):
        raise Fault(f"must be a folder of this machine (it is {value!r})")
    return text(value)


_BUILD = Record(
    {
        "context": _folder,
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
    if words and words[0] not in ("NONE", "CMD", "CMD-SHELL"):
        raise Fault("must begin with NONE, CMD or CMD-SHELL")
    return words


healthcheck = Record(
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
_DEPENDENCY = Record(
    {
        "condition": one_of("service_started", "service_healthy", "service_completed_successfully"),
        "restart": boolean,
        "required": boolean,
    },
    required=("condition",),
)


def depends_on(value: Any) -> dict[str, Any]:
    found = names_with(_DEPENDENCY, {})(value)
    return {name: {"condition": "service_started", "required": True} | how for name, how in found.items()}


def secret_use(value: Any) -> dict[str, Any]:
    use = _SECRET_USE(value) if isinstance(value, dict) else {"source": text(value)}
    return {"target": f"/run/secrets/{use['source']}"} | use


def _mode(value: Any) -> int:
    return int(value, 8) if isinstance(value, str) and re.fullmatch("0?[0-7]{3}", value) else integer(value)


_SECRET_USE = Record(
    {"source": text, "target": text, "uid": text, "gid": text, "mode": _mode}, required=("source",)
)


def extra_hosts(value: Any) -> list[str]:
    """`host:ip`, `host=ip` or a mapping, as `host=ip`."""
    if isinstance(value, dict):
        return [f"{host}={text(address)}" for host, address in sorted(value.items())]
    entries = texts(value)
    if bad := [entry for entry in entries if not re.search("[:=]", entry)]:
        raise Fault(f"must be HOST=ADDRESS (it is {bad[0]!r})")
    split = [re.split("[:=]", entry, maxsplit=1) for entry in entries]
    return [f"{host}={address.removeprefix('[').removesuffix(']')}" for host, address in split]


def pull_policy(value: Any) -> str:
    policy: str = one_of("always", "never", "missing", "if_not_present", "build")(value)
    return "missing" if policy == "if_not_present" else policy


def restart(value: Any) -> str:
    policy = "no" if value is False else text(value)
    if not re.fullmatch(r"no|always|unless-stopped|on-failure(:[0-9]+)?", policy):
        raise Fault(f"must be no, always, unless-stopped or on-failure[:N] (it is {value!r})")
    return policy


_LIMIT = Record({"soft": integer, "hard": integer}, required=("soft", "hard"))


def ulimits(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Fault("must be a mapping of keys")
    return {
        key: within(key, _LIMIT, item) if isinstance(item, dict) else within(key, integer, item)
        for key, item in value.items()
    }


_RESOURCES = Record({"cpus": number, "memory": size})

SERVICE = Record(
    {
        "build": build,
        "cap_add": texts,
        "cap_drop": texts,
        "command": command,
        "container_name": text,
        "cpus": number,
        "depends_on": depends_on,
        "deploy": Record(
            {"replicas": integer, "resources": Record({"limits": _RESOURCES, "reservations": _RESOURCES})}
        ),
        "entrypoint": command,
        "env_file": text_or_texts,
        "environment": pairs,
        "expose": texts,
        "extra_hosts": extra_hosts,
        "group_add": texts,
        "healthcheck": healthcheck,
        "hostname": text,
        "image": text,
        "init": boolean,
        "labels": named_texts,
        "logging": Record({"driver": text, "options": named_texts}),
        "mem_limit": size,
        "networks": names_with(Record({"aliases": texts, "ipv4_address": text})),
        "pids_limit": integer,
        "ports": list_of(port),
        "profiles": texts,
        "pull_policy": pull_policy,
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
)
NETWORK = Record(
    {
        "driver": text,
        "external": boolean,
        "internal": boolean,
        "ipam": Record(
            {"driver": text, "config": list_of(Record({"subnet": text, "gateway": text, "ip_range": text}))}
        ),
        "labels": named_texts,
        "name": text,
    }
)
VOLUME = Record(
    {
        "driver": text,
        "driver_opts": named_texts,
        "external": boolean,
        "labels": named_texts,
        "name": text,
    }
)
SECRET = Record({"environment": text, "file": text, "name": text})
FILE = Record(
    {
        "name": text,
        "networks": sections(NETWORK),
        "secrets": sections(SECRET),
        "services": sections(SERVICE),
        "version": text,
        "volumes": sections(VOLUME),
    }
)
