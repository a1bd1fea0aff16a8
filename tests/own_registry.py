"""A real registry of images, on this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from support import absent, free_port, wait_for_port


@contextmanager
def own_registry(folder: Path) -> Iterator[str]:
    """The address of an empty registry, which keeps what it has in `folder`."""
    if which("docker-registry") is None:
        absent("a registry", "docker-registry is not there")
    port = free_port()
    address = f"127.0.0.1:{port}"
    (folder / "registry.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/blobs}}}}\nhttp: {{addr: {address}}}\n"
    )
    server = subprocess.Popen(
        ["docker-registry", "serve", str(folder / "registry.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port("127.0.0.1", port)
        yield address
    finally:
        server.terminate()
        server.wait()
