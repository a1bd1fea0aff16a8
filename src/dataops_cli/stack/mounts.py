"""What a container mounts, as the Engine API has it, and the anonymous volumes that outlive a container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataops_cli.stack.model import Mount, Service, Stack
from dataops_cli.stack.units import byte_size

SECRETS_FOLDER = "/run/secrets"


def mount_config(stack: Stack, service: Service, anonymous: Mapping[str, str]) -> dict[str, list[Any]]:
    """`Binds` and `Mounts` of a create request. `anonymous` has volumes to go on with, by their target."""
    config: dict[str, list[Any]] = {"Binds": [], "Mounts": []}
    for mount in service.get("volumes", []):
        if mount["type"] == "bind" and mount.get("bind", {}).get("create_host_path"):
            # Only this older way makes the folder where it is missing.
            config["Binds"].append(_bind(mount))
        else:
            config["Mounts"].append(_mount(stack, mount, anonymous))
    taken = {mount["target"] for mount in service.get("volumes", [])}
    config["Mounts"] += [
        {"Type": "volume", "Source": name, "Target": target}
        for target, name in anonymous.items()
        if target not in taken
    ]
    return config


def anonymous_volumes(service: Service, image: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, str]:
    """Target → name of the volumes that a new container takes over from the `old` one: those without a name.

    They are the service's own and those that its image declares. `image` and `old` are what inspecting says.
    """
    own = {mount["target"]: mount for mount in service.get("volumes", [])}
    declared = {*((image.get("Config") or {}).get("Volumes") or {})} - {*own}
    wanted = declared | {
        target for target, mount in own.items() if mount["type"] == "volume" and not mount.get("source")
    }
    return {
        mount["Destination"]: mount["Name"]
        for mount in old.get("Mounts") or []
        if mount["Type"] == "volume" and mount["Destination"] in wanted
    }


def _bind(mount: Mount) -> str:
    selinux = mount.get("bind", {}).get("selinux")
    options = ["ro" if mount.get("read_only") else "rw", *([selinux] if selinux else [])]
    return f"{mount['source']}:{mount['target']}:{','.join(options)}"


def _mount(stack: Stack, mount: Mount, anonymous: Mapping[str, str]) -> dict[str, Any]:
    target, kind = mount["target"], mount["type"]
    result: dict[str, Any] = {"Type": kind, "Target": target, "ReadOnly": mount.get("read_only", False)}
    source = mount.get("source", "")
    if kind == "tmpfs":
        if size := mount.get("tmpfs", {}).get("size"):
            result["TmpfsOptions"] = {"SizeBytes": byte_size(size)}
    elif kind == "bind":
        result["Source"] = source
    else:
        result["Source"] = stack.volumes[source]["name"] if source else anonymous.get(target, "")
        if mount.get("volume", {}).get("nocopy"):
            result["VolumeOptions"] = {"NoCopy": True}
    return result
