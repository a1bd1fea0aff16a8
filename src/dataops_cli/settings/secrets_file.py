"""The secrets file, `environments/<env>.secrets.env`: changed line by line, whole or not at all.

Whoever changes it holds its lock, so that of two changes at once none is lost. The lock and the new text
stand beside the file under names that git ignores as it does the file's own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.files import explained, sync_folder
from dataops_cli.interrupts import interrupts_held

# A change takes moments; one that changes a database first, seconds.
WAIT_SECONDS = 30

# What stands before the name, and a comment after the value, as python-dotenv reads a line.
_LINE = re.compile(
    r"""(?P<before>\s*(?:export[^\S\r\n]+)?)
    [^=]+=
    (?: (?=[^\S\r\n]+\#)
      | [^\S\r\n]*(?: '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | [^'"\r\n][^\r\n]*?(?=\s+\#|\s*$) )? )
    (?P<after>[^\S\r\n]*\#[^\r\n]*)?""",
    re.DOTALL | re.VERBOSE,
)


def quoted(value: str) -> str:
    """The value as the file holds it. Raises UsageError for one that is no single line of text."""
    if not value:
        raise UsageError("The value is empty", hint="Type it when asked, or give it on stdin.")
    if value.splitlines() != [value] or any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        raise UsageError(
            "The secrets file cannot hold this value: it is not one line of UTF-8 text",
            hint="Give it without line breaks and null characters, such as in base64.",
        )
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def edited(text: str, values: Mapping[str, str], *, replace: bool = True) -> str:
    """The file's text with `values` set, by variable; every other line and all comments stay.

    Without `replace`, what the text sets already stays too. Raises UsageError for a line whose quotes are not
    closed, since it would swallow those after it.
    """
    left = dict(values)
    parts: list[str] = []
    for binding in parse_stream(StringIO(text)):
        original = binding.original.string
        if binding.error:
            number = binding.original.line + len(original[: -len(original.lstrip())].splitlines())
            raise UsageError(
                f"Line {number} of the secrets file cannot be read", hint="Write NAME='value', quotes closed."
            )
        name = (binding.key or "").upper()
        if name not in values:
            parts.append(original)
        elif not replace:
            parts.append(original)
            left.pop(name, None)
        elif name in left:
            parts.append(_replaced(original, name, left.pop(name)))
        # Any further line of the same name would beat the first: it goes.
    if parts and not parts[-1].endswith(("\n", "\r")):
        parts.append("\n")
    return "".join(parts) + "".join(f"{name}={quoted(value)}\n" for name, value in left.items())


@contextmanager
def changed(path: Path, values: Mapping[str, str], *, replace: bool = True) -> Iterator[None]:
    """Set `values`, by variable, in the file when the block has ended well; otherwise the file stays as it was.

    The new text is on the disk before the block runs, so that after it one rename is left to do; Ctrl-C is heard
    after that. The file is then readable for its owner only. Raises what `edited` does; DataopsError (exit 3) where
    it cannot be written, and (exit 4) where another command holds the lock.
    """
    from filelock import FileLock, Timeout

    path = path.resolve()  # a link stays one
    lock = FileLock(_beside(path, "lock"), timeout=WAIT_SECONDS)
    with explained(path):
        try:
            lock.acquire()
        except Timeout:
            raise DataopsError(
                f"Another command has been changing {path.name} for {WAIT_SECONDS} seconds",
                hint="Wait for it, then run this command again.",
                exit_code=ExitCode.LOCKED,
            ) from None
    temporary = _beside(path, "new")
    try:
        with explained(path):
            before = path.read_bytes().decode() if path.exists() else ""
            _write(temporary, edited(before, values, replace=replace))
        with interrupts_held():  # what the block has changed elsewhere has no other copy
            yield
            with explained(path):
                temporary.replace(path)
                sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
        lock.release()


def _replaced(original: str, name: str, value: str) -> str:
    line = _LINE.match(original)
    before, after = (line["before"], line["after"] or "") if line else ("", "")
    ending = original[len(original.rstrip("\r\n")) :] or "\n"
    return f"{before}{name}={quoted(value)}{after}{ending}"


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)  # left by one that was killed
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def _beside(path: Path, what: str) -> Path:
    """`.dev.lock.secrets.env` beside `dev.secrets.env`."""
    return path.with_name(f".{path.name.removesuffix('.secrets.env')}.{what}.secrets.env")
