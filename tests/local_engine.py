"""The local Docker engine, with one small image for containers that only have to be there."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from shutil import which

from filelock import FileLock

from dataops_cli import docker_api
from dataops_cli.errors import DataopsError
from support import absent, until

STAND_IN = "dataops-test/stand-in:1"
# Stands in for SQL Server and CloudBeaver: it keeps the health checks' names and ports, and nothing else.
SCRIPTS = {
    "opt/mssql/bin/sqlservr": "exec /bin/stand-in",
    "opt/mssql-tools/bin/sqlcmd": '[ -n "$SQLCMDPASSWORD" ]',
    "bin/pg_isready": "test -s /run/secrets/postgres_password",
    "opt/cloudbeaver/launch-product.sh": "exec /bin/stand-in",
    "opt/cloudbeaver/conf/.keep": "",
    "bin/stand-in": 'trap "exit 0" TERM\nhttpd -p 8978 -h /www\necho "stand-in started"\n'
    "while true; do sleep 0.2; done",
}
MADE_OF = hashlib.sha256(repr(SCRIPTS).encode()).hexdigest()
APPLETS = ("sh", "cat", "sleep", "httpd", "wget", "test", "echo", "true", "false", "id", "ls", "env")


@cache
def local_engine() -> docker_api.Engine:
    """The local engine, with the stand-in image; the test is skipped, or fails, where there is none."""
    try:
        found = docker_api.connect()
    except DataopsError as error:
        absent("an engine", error.reason)
    busybox = which("busybox")
    if busybox is None:
        absent("busybox", "busybox is not there")
    # Or two workers make two of it.
    with FileLock(Path(tempfile.gettempdir()) / f"dataops-test-stand-in-{os.getuid()}.lock"):
        there = found.image(STAND_IN)
        if there is None or (there["Config"]["Labels"] or {}).get("made-of") != MADE_OF:
            _import(Path(str(busybox)))
    return found


def pause(container: str) -> None:
    """The kernel does not always freeze one at once whose processes come and go."""
    paused = ["docker", "pause", container]
    until(lambda: subprocess.run(paused, check=False, capture_output=True).returncode == 0)


def _import(busybox: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in (
            {"bin/busybox": busybox.read_bytes()}.items()
            | {name: f"#!/bin/sh\n{text}\n".encode() for name, text in SCRIPTS.items()}.items()
            | {"www/index.html": b"stand-in\n"}.items()
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    changes = ['CMD ["/bin/stand-in"]', "WORKDIR /opt/cloudbeaver", f"LABEL made-of={MADE_OF}"]
    subprocess.run(
        ["docker", "import", *(word for change in changes for word in ("--change", change)), "-", STAND_IN],
        input=buffer.getvalue(),
        check=True,
        capture_output=True,
    )
