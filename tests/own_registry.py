"""A real registry of images, on this machine."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from support import absent


@contextmanager
def own_registry(folder: Path) -> Iterator[str]:
    """The address of an empty registry, which keeps what it has in `folder`."""
    if which("docker-registry") is None:
        absent("a registry", "docker-registry is not there")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (folder / "registry.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/blobs}}}}\nhttp: {{addr: {address}}}\n"
    )
    server = subprocess.Popen(
        ["docker-registry", "serve", str(folder / "registry.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    host, port = address.split(":")
    for _ in range(50):
        with socket.socket() as attempt:
            if attempt.connect_ex((host, int(port))) == 0:
                break
        time.sleep(0.1)
    try:
        yield address
    finally:
        server.terminate()
        server.wait()
