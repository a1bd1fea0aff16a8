"""The content of each version of a change's files, also of one that a later commit undoes."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from dataops_cli.ci.repository import Repository
from dataops_cli.deploy.git import ask, require


def versions(repository: Repository, base: str, files: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Each version of the files that the commits since `base` have made, with its content.

    Files are paths from the platform's root.
    """
    prefix = repository.prefix
    made = [
        (file, blob)
        for path, blob in repository.versions(base)
        if path.startswith(prefix) and (file := path.removeprefix(prefix)) in files
    ]
    blobs = dict.fromkeys(blob for _, blob in made)
    contents = dict(zip(blobs, _contents(repository, list(blobs)), strict=True))
    for file, blob in made:
        yield file, contents[blob]


def _contents(repository: Repository, blobs: list[str]) -> Iterator[bytes]:
    """Source: git-cat-file(1), "Batch output"."""
    asked = "".join(f"{blob}\n" for blob in blobs).encode()
    output = require(ask(repository.top, "cat-file", "--batch", stdin=asked)).output
    at = 0
    for _ in blobs:
        header, _, _ = output[at : at + 100].partition(b"\n")
        begin = at + len(header) + 1
        size = int(header.split(b" ")[2])
        yield output[begin : begin + size]
        at = begin + size + 1
