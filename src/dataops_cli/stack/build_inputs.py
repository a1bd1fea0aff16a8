"""What an image is built from, as one hash: an image is built again only when it changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path

from dataops_cli.docker_api import build_context
from dataops_cli.errors import UsageError
from dataops_cli.stack.model import Build, Stack
from dataops_cli.stack.observe import image_of
from dataops_cli.stack.own_package import files_for, own_fingerprint

# Build arguments that say where things come from: what they are is known without them.
PLACES = {"PIP_INDEX_URL", "REVISION"}


def build_inputs(stack: Stack) -> dict[str, str]:
    """Hex SHA-256 by image that is built. Raises UsageError where there is nothing to build from.

    Where services share an image, the first of them says how it is built.
    """
    result: dict[str, str] = {}
    for name, service in stack.services.items():
        image = image_of(stack, name)
        if "build" in service and image not in result:
            result[image] = _hash(name, service["build"], _mounted(stack, image))
    return result


def _mounted(stack: Stack, image: str) -> list[Path]:
    """What containers see in place of their image's own copy: it is live, and no input of the image."""
    return [
        Path(mount["source"])
        for name, service in {**stack.disabled, **stack.services}.items()
        if image_of(stack, name) == image
        for mount in service.get("volumes", [])
        if mount["type"] == "bind"
    ]


def _hash(service: str, build: Build, mounted: Collection[Path]) -> str:
    context, dockerfile = Path(build["context"]), build.get("dockerfile", "Dockerfile")
    if not (context / dockerfile).is_file():
        raise UsageError(
            f"Service {service} is built from {context / dockerfile}, which is not there",
            hint="Put the Dockerfile there, or correct build: in the Compose file.",
        )
    # Labels say where an image came from, such as the commit: they alone are no reason for a new one.
    options: dict[str, object] = {
        key: value for key, value in build.items() if key not in ("context", "labels")
    }
    options["args"] = {key: value for key, value in build.get("args", {}).items() if key not in PLACES}
    digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
    if files_for(build):
        digest.update(own_fingerprint().encode())
    for name in sorted({dockerfile, *build_context(context, dockerfile)}):
        path = context / name
        if name != dockerfile and any(path.is_relative_to(folder) for folder in mounted):
            continue
        if path.is_symlink():
            content = str(path.readlink()).encode()
        elif path.is_file():
            content = path.read_bytes()
        else:
            continue
        executable = path.lstat().st_mode & 0o111 != 0
        digest.update(f"\0{name}\0{executable}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
