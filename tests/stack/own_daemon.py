"""A Docker engine of a test's own, which may be killed and filled, beside the one of the machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest import mock

from dataops_cli import docker_api
from dataops_cli.errors import DataopsError
from support import until


class Daemon:
    """`dockerd` with its whole state in `folder`; its address is `host`, and `engine` it is once started."""

    engine: docker_api.Engine

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        self.folder = folder
        self.options = options
        # In a network namespace of its own: an engine makes, and takes away, the bridge docker0 and firewall rules.
        self.beside = ["nsenter", f"--net=/run/netns/{folder.name}"]
        self.host = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self.beside,
                    "dockerd",
                    *self.options,
                    f"--host={self.host}",
                    f"--data-root={self.folder}/data",
                    f"--exec-root={self.folder}/exec",
                    f"--pidfile={self.folder}/pid",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 120
        while True:
            try:
                with mock.patch.dict(os.environ, DOCKER_HOST=self.host):
                    self.engine = docker_api.connect()
                return
            except DataopsError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((self.folder / "log").read_text()[-2000:]) from None
                time.sleep(0.1)

    def kill(self, how: signal.Signals) -> None:
        """End the daemon and wait until it is gone."""
        if self._process is None:
            return
        containerd = int((self.folder / "exec" / "containerd" / "containerd.pid").read_text())
        self._process.send_signal(how)
        self._process.wait(timeout=120)
        self._process = None
        until(lambda: not Path(f"/proc/{containerd}").exists())  # it goes with its parent, a little later


@contextmanager
def own_daemon(image: str, size: str = "", options: Sequence[str] = ()) -> Iterator[Daemon]:
    """A running daemon that has `image`; with `size`, such as 64m, its disk is no larger.

    `options` are more of dockerd's own. Its addresses are those of a host apart, reached from `Daemon.beside`.
    """
    # A socket's path must be short, which pytest's folders are not.
    folder = Path(tempfile.mkdtemp(prefix="dataops-engine-"))
    daemon = Daemon(folder, options)
    data = folder / "data"
    data.mkdir()
    subprocess.run(["ip", "netns", "add", folder.name], check=True)
    subprocess.run(["ip", "-n", folder.name, "link", "set", "lo", "up"], check=True)
    try:
        if size:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", data], check=True)
        daemon.start()
        saved = folder / "image.tar"
        subprocess.run(["docker", "save", "--output", saved, image], check=True)
        subprocess.run(
            ["docker", "--host", daemon.host, "load", "--input", saved], check=True, capture_output=True
        )
        saved.unlink()
        yield daemon
        for item in daemon.engine.containers():
            daemon.engine.remove(item["Id"])
    finally:
        daemon.kill(signal.SIGTERM)
        until(lambda: not _killed_processes(folder))  # what a killed daemon left
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in reversed([path for path in mounts if path.startswith(f"{folder}/")]):
            # The kernel may take a moment to let go of it.
            subprocess.run(["umount", "--lazy", mount], check=False)
        subprocess.run(["ip", "netns", "delete", folder.name], check=False)
        shutil.rmtree(folder)


def _killed_processes(folder: Path) -> bool:
    """Kill what has a path in the folder on its command line; whether there was any."""
    found = False
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{folder}/".encode() in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
                found = True
    return found
