"""The CLI's own files, for the images that run it: a service asks for them with a build argument."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from dataops_cli.stack.model import Build

# The build argument that names the folder of the context into which `dataops` puts its package.
ARGUMENT = "DATAOPS_CLI"
# See labels.PROTOCOL. 2: `dataops step` takes several steps.
PROTOCOL = "2"
PACKAGE = Path(__file__).parents[1]
# The files of a new platform, and what Python makes by itself.
LEFT_OUT = {"platform", "__pycache__"}


@cache
def own_files() -> Mapping[str, bytes]:
    """The package's files by their path below the folder that holds it."""
    return {
        f"{PACKAGE.name}/{path.relative_to(PACKAGE).as_posix()}": path.read_bytes()
        for path in sorted(PACKAGE.rglob("*"))
        if path.is_file() and not LEFT_OUT & {*path.relative_to(PACKAGE).parts}
    }


@cache
def own_fingerprint() -> str:
    """A hash of the package, by which an image tells which it has."""
    digest = hashlib.sha256()
    for name, content in own_files().items():
        digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def files_for(build: Build) -> dict[str, bytes]:
    """What a build gets besides the files of its context, by path; empty where it asks for nothing."""
    folder = build.get("args", {}).get(ARGUMENT)
    return {f"{folder}/{name}": content for name, content in own_files().items()} if folder else {}
