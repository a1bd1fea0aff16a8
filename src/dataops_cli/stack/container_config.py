"""A service as the Engine API's JSON for `POST /containers/create`, as Compose writes it.

Source: the Engine API reference, version 1.41, and docker/compose `pkg/compose/create.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataops_cli import __version__
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.stack import labels
from dataops_cli.stack.config_hash import config_hash
from dataops_cli.stack.model import Service, Stack
from dataops_cli.stack.mounts import SECRETS_FOLDER, mount_config
from dataops_cli.stack.units import byte_size, nanoseconds

# The oldest Engine API that knows the key start_interval of a health check.
START_INTERVAL_API = (1, 44)


def container_config(
    stack: Stack,
    name: str,
    container: str,
    number: int,
    image: str,
    image_id: str,
    secrets: str,
    anonymous: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The create request for one container, attached to the first of its networks.

    `anonymous` has the volumes of the container in whose place it comes, see `anonymous_volumes`.
    """
    service = stack.services[name]
    networks = endpoints(stack, name, container)
    first = next(iter(networks), None)
    config: dict[str, Any] = {
        "Image": image,
        # A name alone takes the image's own value away.
        "Env": [
            key if value is None else f"{key}={value}"
            for key, value in sorted(service.get("environment", {}).items())
        ],
        "Labels": service.get("labels", {}) | _labels(stack, name, number, image_id, secrets),
        "ExposedPorts": {port: {} for port in _exposed(service)},
        "Tty": service.get("tty", False),
        "OpenStdin": service.get("stdin_open", False),
        "HostConfig": _host_config(service)
        | mount_config(stack, service, anonymous or {})
        | {"NetworkMode": first or "none"},
        "NetworkingConfig": {"EndpointsConfig": {first: networks[first]} if first else {}},
    }
    optional: dict[str, Any] = {
        "Cmd": service.get("command"),
        "Entrypoint": service.get("entrypoint"),
        "Hostname": service.get("hostname"),
        "User": service.get("user"),
        "WorkingDir": service.get("working_dir"),
        "StopSignal": service.get("stop_signal"),
        "Healthcheck": _healthcheck(service),
        "StopTimeout": grace_seconds(service) if "stop_grace_period" in service else None,
        # The engine copies nothing into a read-only root, but into a volume it does.
        "Volumes": {SECRETS_FOLDER: {}} if service.get("read_only") and service.get("secrets") else None,
    }
    return config | {key: value for key, value in optional.items() if value is not None}


def require_new_enough(api_version: tuple[int, int], stack: Stack) -> None:
    """Raises DataopsError (exit 3) for a key that the engine does not know: it would ignore it in silence."""
    if api_version >= START_INTERVAL_API:
        return
    for name, service in stack.services.items():
        if "start_interval" in service.get("healthcheck", {}):
            raise DataopsError(
                f"services.{name}.healthcheck.start_interval needs Docker 25 or newer "
                f"(API {'.'.join(map(str, START_INTERVAL_API))}; the engine has "
                f"{'.'.join(map(str, api_version))})",
                hint="Take the key out, or use a newer engine.",
                exit_code=ExitCode.UNAVAILABLE,
            )


def endpoints(stack: Stack, name: str, container: str) -> dict[str, dict[str, Any]]:
    """By network name, how the service is attached to it: with its own name as alias."""
    result = {}
    for key, options in sorted(stack.services[name].get("networks", {}).items()):
        given = options or {}
        endpoint: dict[str, Any] = {"Aliases": [container, name, *given.get("aliases", [])]}
        if address := given.get("ipv4_address"):
            endpoint["IPAMConfig"] = {"IPv4Address": address}
        result[stack.networks[key]["name"]] = endpoint
    return result


def grace_seconds(service: Service) -> int:
    """How long a container may take to stop, in seconds (the engine's own default is 10)."""
    return -(-nanoseconds(service.get("stop_grace_period", "10s")) // 1_000_000_000)


def _labels(stack: Stack, name: str, number: int, image_id: str, secrets: str) -> dict[str, str]:
    service = stack.services[name]
    needs = ",".join(
        f"{other}:{how.get('condition', 'service_started')}:{'true' if how.get('restart') else 'false'}"
        for other, how in sorted(service.get("depends_on", {}).items())
    )
    return {
        labels.PROJECT: stack.name,
        labels.SERVICE: name,
        labels.VERSION: __version__,
        labels.ONE_OFF: "False",
        labels.NUMBER: str(number),
        labels.WORKING_DIR: str(stack.folder),
        labels.CONFIG_FILES: ",".join(str(path) for path in stack.files),
        labels.CONFIG_HASH: config_hash(service),
        labels.IMAGE: image_id,
        labels.DEPENDS_ON: needs,
    } | ({labels.SECRETS: secrets} if secrets else {})


def _host_config(service: Service) -> dict[str, Any]:
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    reservations = service.get("deploy", {}).get("resources", {}).get("reservations", {})
    memory = service.get("mem_limit") or limits.get("memory")
    cpus = service.get("cpus") or limits.get("cpus")
    restart, _, retries = service.get("restart", "").partition(":")
    config: dict[str, Any] = {
        "PortBindings": _port_bindings(service),
        "RestartPolicy": {"Name": restart, "MaximumRetryCount": int(retries or 0)},
        "CapAdd": service.get("cap_add"),
        "CapDrop": service.get("cap_drop"),
        "ExtraHosts": [entry.replace("=", ":", 1) for entry in service.get("extra_hosts", [])],
        "GroupAdd": service.get("group_add"),
        "SecurityOpt": service.get("security_opt"),
        "ReadonlyRootfs": service.get("read_only", False),
        "Tmpfs": dict(_tmpfs(entry) for entry in service.get("tmpfs", [])),
        "Memory": byte_size(memory) if memory else 0,
        "MemoryReservation": byte_size(reservations["memory"]) if reservations.get("memory") else 0,
        "NanoCpus": round(float(cpus) * 1_000_000_000) if cpus else 0,
        "Ulimits": [_ulimit(name, value) for name, value in sorted(service.get("ulimits", {}).items())],
    }
    if "init" in service:
        config["Init"] = service["init"]
    if "pids_limit" in service:
        config["PidsLimit"] = service["pids_limit"]
    if "shm_size" in service:
        config["ShmSize"] = byte_size(service["shm_size"])
    if logging := service.get("logging"):
        config["LogConfig"] = {"Type": logging.get("driver", ""), "Config": logging.get("options", {})}
    return config


def secret_path(target: str) -> str:
    return target if target.startswith("/") else f"{SECRETS_FOLDER}/{target}"


def _port_bindings(service: Service) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in service.get("ports", []):
        key = f"{port['target']}/{port.get('protocol', 'tcp')}"
        bindings.setdefault(key, []).append(
            {"HostIp": port.get("host_ip", ""), "HostPort": str(port.get("published", ""))}
        )
    return bindings


def _exposed(service: Service) -> list[str]:
    exposed = [entry if "/" in entry else f"{entry}/tcp" for entry in service.get("expose", [])]
    return exposed + list(_port_bindings(service))


def _healthcheck(service: Service) -> dict[str, Any] | None:
    check = service.get("healthcheck")
    if check is None:
        return None
    if check.get("disable"):
        return {"Test": ["NONE"]}
    result: dict[str, Any] = {"Test": check.get("test", [])}
    for key, name in (
        ("interval", "Interval"),
        ("timeout", "Timeout"),
        ("start_period", "StartPeriod"),
        ("start_interval", "StartInterval"),
    ):
        if key in check:
            result[name] = nanoseconds(str(check[key]))  # type: ignore[literal-required]
    if "retries" in check:
        result["Retries"] = check["retries"]
    return result


def _tmpfs(entry: str) -> tuple[str, str]:
    path, _, options = entry.partition(":")
    return path, options


def _ulimit(name: str, value: Any) -> dict[str, Any]:
    soft, hard = (value["soft"], value["hard"]) if isinstance(value, dict) else (value, value)
    return {"Name": name, "Soft": soft, "Hard": hard}
