"""A file copied into a real container, streamed, owned by who is to read it, and gone afterwards."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError
from dataops_cli.stack.copied_file import copied_file, tar_pieces
from local_engine import STAND_IN


@pytest.mark.parametrize("size", [0, 1, 511, 512, 3_000_001])
def test_the_archive_is_a_tar_archive(tmp_path: Path, size: int) -> None:
    file = tmp_path / "x.bak"
    file.write_bytes(hashlib.shake_256(b"").digest(size))
    seen: list[tuple[int, int]] = []
    archive = b"".join(
        tar_pieces(file, f"folder/{'n' * 120}.bak", owner=10001, on_progress=lambda *done: seen.append(done))
    )
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        folder, copy = opened.getmembers()
        assert (folder.isdir(), folder.uid, folder.mode) == (True, 10001, 0o775)
        assert (copy.name, copy.uid, copy.mode) == (f"folder/{'n' * 120}.bak", 10001, 0o644)
        assert opened.extractfile(copy).read() == file.read_bytes()
    assert len(archive) % 512 == 0
    assert seen[-1:] == ([(size, size)] if size else [])


def test_a_file_that_grows_shorter_is_no_copy(tmp_path: Path) -> None:
    file = tmp_path / "x.bak"
    file.write_bytes(bytes(5 << 20))
    pieces = tar_pieces(file, "folder/x.bak", owner=0)
    next(pieces)
    next(pieces)
    file.write_bytes(b"")
    with pytest.raises(DataopsError, match="grew shorter"):
        list(pieces)


@pytest.mark.engine
@pytest.mark.parametrize("user", ["", "10001"])
def test_in_a_container_without_capabilities(engine: Engine, tmp_path: Path, user: str) -> None:
    file = tmp_path / "x.bak"
    file.write_bytes(content := hashlib.shake_256(b"x").digest(40_000_000))
    config = {"Image": STAND_IN, "User": user, "HostConfig": {"CapDrop": ["ALL"]}}
    container = engine.create(f"dataops-test-copied-{user or 'root'}-{os.getpid()}", config)
    left: list[str] = []
    try:
        engine.start(container)
        (tmp_path / "empty").touch()
        # A folder as Microsoft's image has it: of its user, and of root's group.
        engine.put_pieces(container, "/", tar_pieces(tmp_path / "empty", "volume/.empty", owner=10001))
        with copied_file(
            engine, container, file, "/volume", "dataops-restore/x.bak", owner=10001, on_left=left.append
        ) as path:
            assert path == "/volume/dataops-restore/x.bak"
            code, output = engine.exec(container, ["/bin/busybox", "sha256sum", path])
            assert (code, output.split()[0].decode()) == (0, hashlib.sha256(content).hexdigest())
            assert engine.exec(container, ["cat", path])[0] == 0
        # The small image has no rm, which is said.
        assert left == ["/volume/dataops-restore"]
        assert engine.exec(container, ["/bin/busybox", "rm", "-rf", left[0]])[0] == 0
    finally:
        engine.remove(container)
