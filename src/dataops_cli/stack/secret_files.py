"""A service's secrets: read where the CLI runs, and copied into its containers as files."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.stack.container_config import secret_path
from dataops_cli.stack.model import Stack
from dataops_cli.stack.mounts import SECRETS_FOLDER


def secret_contents(stack: Stack, service: str, variables: Mapping[str, str]) -> dict[str, bytes]:
    """What the service's secrets hold, by secret. Raises DataopsError (exit 3) for one that is not there."""
    contents = {}
    for use in stack.services[service].get("secrets", []):
        name = use["source"]
        secret = stack.secrets[name]
        if variable := secret.get("environment"):
            if variable not in variables:
                raise DataopsError(
                    f"The secret {name} of service {service} is missing: {variable} is not set",
                    hint=f"Supply the variable {variable}, as every machine that runs this stack must.",
                    exit_code=ExitCode.UNAVAILABLE,
                )
            contents[name] = variables[variable].encode()
        else:
            try:
                contents[name] = Path(secret["file"]).read_bytes()
            except OSError as error:
                raise DataopsError(
                    f"Cannot read the secret {name} of service {service} in {secret['file']}: {error.strerror}",
                    hint="Put the file there, readable for you alone.",
                    exit_code=ExitCode.UNAVAILABLE,
                ) from None
    return contents


def secret_archive(stack: Stack, service: str, contents: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """Folder → tar archive, by which the service's secrets come into a container before it starts.

    Compose mounts a secret that is a file. We copy it, too: a remote engine does not see the file, and a
    container's own user may not read it.
    """
    read_only = stack.services[service].get("read_only", False)
    folders: dict[str, list[tuple[tarfile.TarInfo, bytes]]] = {}
    for use in stack.services[service].get("secrets", []):
        path = secret_path(use.get("target") or use["source"])
        # The volume of a read-only container begins at the folder; nothing can be made in its root.
        folder = SECRETS_FOLDER if read_only and path.startswith(SECRETS_FOLDER + "/") else "/"
        entry = tarfile.TarInfo(path.removeprefix(folder).lstrip("/"))
        entry.size = len(contents[use["source"]])
        entry.mode = use.get("mode", 0o444)
        entry.uid, entry.gid = int(use.get("uid", "0")), int(use.get("gid", "0"))
        folders.setdefault(folder, []).append((entry, contents[use["source"]]))
    return [(folder, _archive(files)) for folder, files in folders.items()]


def _archive(files: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for entry, content in files:
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
