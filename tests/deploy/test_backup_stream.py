"""Files that pass from one tar archive into another, in pieces of any size."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.deploy.backup_stream import archive_of, copy, file_in, look_through
from dataops_cli.errors import DataopsError, ExitCode


def archive(content: bytes, name: str = "metadata.dump", form: int = tarfile.GNU_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as opened:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        opened.addfile(folder)
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        opened.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """In pieces of these sizes, over and over; empty pieces are among them."""
    at, turn = 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield data[at : at + size]
        at, turn = at + size, turn + 1


@given(
    content=st.binary(max_size=3000),
    sizes=st.lists(st.integers(0, 2000), min_size=1).filter(any),
    name=st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=150),
    form=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_a_copy_has_the_content_under_its_new_name(
    content: bytes, sizes: list[int], name: str, form: int
) -> None:
    sent: list[bytes] = []
    told: list[tuple[int, int]] = []
    seen = copy(
        cut(archive(content, name, form), sizes),
        f"backup-files/x/{name}",
        sent.extend,
        owner=50000,
        on_progress=lambda done, size: told.append((done, size)),
    )
    with tarfile.open(fileobj=io.BytesIO(b"".join(sent))) as opened:
        (member,) = opened.getmembers()
        assert (member.name, member.uid, member.mode) == (f"backup-files/x/{name}", 50000, 0o600)
        assert opened.extractfile(member).read() == content
    assert (seen.size, seen.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert told[-1:] == ([(len(content), len(content))] if content else [])
    again = look_through(iter(sent))
    assert (again.size, again.sha256) == (seen.size, seen.sha256)


@given(content=st.binary(min_size=1, max_size=3000), data=st.data())
def test_an_archive_that_ends_early_is_never_taken_for_a_whole_one(
    content: bytes, data: st.DataObject
) -> None:
    whole = archive(content)
    end = whole.index(content, 1024) + len(content)
    short = whole[: data.draw(st.integers(0, end - 1))]
    with pytest.raises(DataopsError, match="ended a copy before its end") as caught:
        copy(iter([short]), "x", lambda pieces: [*pieces] and None)
    assert caught.value.exit_code == ExitCode.UNAVAILABLE


def test_content_of_another_size_is_no_archive() -> None:
    with pytest.raises(DataopsError, match="ended a copy"):
        list(archive_of("x", 5, iter([b"1234"])))


def test_a_large_file_is_never_held_as_a_whole() -> None:
    size = 9 << 30  # larger than an old tar header can say
    entry = tarfile.TarInfo("large")
    entry.size = size

    def sent() -> Iterator[bytes]:
        yield entry.tobuf(tarfile.PAX_FORMAT)
        for _ in range(size >> 20):
            yield bytes(1 << 20)

    found, content = file_in(sent())
    assert found == size
    assert len(next(content)) <= 1 << 20
    header = next(archive_of("large", size, content))
    assert tarfile.TarInfo.frombuf(header[-512:], "utf-8", "strict").name == "large"
