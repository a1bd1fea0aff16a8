"""A file as lines of text: gzip undone, its encoding seen from its bytes, and what is damaged named with its line."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from dataops_cli.source.faults import Fault, FaultyFileError
from dataops_cli.source.files import SourceFile, cannot_read

_CHUNK = 1 << 18
_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding_of(file: SourceFile) -> str:
    """`utf-8`, `utf-16-le` or `utf-16-be`, by the byte order mark or, without one, by where the zero bytes are."""
    return _sniff(_head(file))[0]


def check_compression(file: SourceFile) -> None:
    """Read a gzip file through, so that its length and checksum are compared. Raises FaultyFileError."""
    if file.is_gzip:
        with opened(file) as stream:
            while stream.read(_CHUNK):
                pass


def decoded_lines(file: SourceFile) -> Iterator[str]:
    """The physical lines with their line ends (only a line feed ends one), in bounded memory.

    Raises FaultyFileError where the bytes are not text of the file's encoding or the compression is damaged.
    """
    head = _head(file)
    encoding, mark = _sniff(head)
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    done = 0
    rest = ""
    with opened(file) as stream:
        stream.read(len(mark))
        while True:
            chunk = stream.read(_CHUNK)
            try:
                text = rest + decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                before = rest + error.object[: error.start].decode(encoding)
                raise _not_text(file, encoding, done + before.count("\n") + 1) from None
            lines = text.split("\n")
            rest = lines.pop()
            done += len(lines)
            for line in lines:
                yield line + "\n"
            if not chunk:
                break
    if rest:
        yield rest


@contextmanager
def opened(file: SourceFile) -> Iterator[BinaryIO]:
    """The file's bytes, decompressed. Damage and refusals become errors that name the file."""
    try:
        if not file.is_gzip:
            with file.path.open("rb") as stream:
                yield stream
        else:
            with gzip.open(file.path) as unpacked:
                yield cast(BinaryIO, unpacked)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise _damaged(file, error) from None
    except OSError as error:
        raise cannot_read(file.path, error) from error


def _head(file: SourceFile) -> bytes:
    with opened(file) as stream:
        head = stream.read(4096)
    if not head:
        raise FaultyFileError(
            Fault(file.name, "the file is empty", "Export the table again, and load the new file.")
        )
    if head.startswith(_GZIP_MAGIC):
        raise FaultyFileError(
            Fault(
                file.name,
                "the file is compressed",
                f"Rename it, so that its name ends in .gz: {file.name}.gz",
            )
        )
    return head


def _sniff(head: bytes) -> tuple[str, bytes]:
    """The encoding, and the byte order mark that is there."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding, mark
    # Text of the Latin alphabet in UTF-16 has a zero in every other byte; UTF-8 has none.
    low, high = head[0::2], head[1::2]
    if len(head) > 1 and high.count(0) > len(high) // 2:
        return "utf-16-le", b""
    if len(head) > 1 and low.count(0) > len(low) // 2:
        return "utf-16-be", b""
    return "utf-8", b""


def _not_text(file: SourceFile, encoding: str, line: int) -> FaultyFileError:
    name = encoding.upper().removesuffix("-LE").removesuffix("-BE")
    hint = (
        f"Save it as UTF-8, for instance: iconv -f WINDOWS-1252 -t UTF-8 {file.name}"
        if encoding == "utf-8" and not file.is_gzip
        else "Export the table again as UTF-8, and load the new file."
    )
    return FaultyFileError(Fault(file.name, f"the bytes are not {name} text", hint, line))


def _damaged(file: SourceFile, error: Exception) -> FaultyFileError:
    if isinstance(error, EOFError):
        problem = "the gzip file ends too early: it is truncated"
    elif isinstance(error, gzip.BadGzipFile) and "Not a gzipped" in str(error):
        hint = f"Rename it, so that its name does not end in .gz: {file.name.removesuffix('.gz')}"
        return FaultyFileError(Fault(file.name, "this is not a gzip file", hint))
    else:
        problem = "the gzip file is damaged"
    return FaultyFileError(Fault(file.name, problem, f"Copy it again and test the copy: gzip -t {file.name}"))
