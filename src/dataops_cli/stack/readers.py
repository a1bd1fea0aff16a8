"""Readers of values in a Compose file: each takes a value as written and returns its canonical form.

A reader raises Fault with words that follow the key ("must be …").
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dataops_cli.stack.units import byte_size, duration, go_number, nanoseconds

Reader = Callable[[Any], Any]

_NAME = re.compile(r"[a-zA-Z0-9._-]+")


class Fault(ValueError):
    """A value that is not what its key takes. `path` leads from the key to the value."""

    def __init__(self, message: str, path: tuple[str | int, ...] = (), known: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.path = path
        self.known = known


def text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_number(value)
    if isinstance(value, str | int):
        return str(value)
    raise Fault("must be text")


def integer(value: Any) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        return int(value)
    except (TypeError, ValueError):
        raise Fault(f"must be a whole number (it is {value!r})") from None


def number(value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise Fault(f"must be a number (it is {value!r})") from None


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise Fault(f"must be true or false (it is {value!r})")


def one_of(*choices: str) -> Reader:
    def read(value: Any) -> str:
        if text(value) not in choices:
            raise Fault(f"must be one of {', '.join(choices)} (it is {value!r})")
        return text(value)

    return read


def span(value: Any) -> str:
    try:
        return duration(nanoseconds(text(value)))
    except ValueError as error:
        raise Fault(f"must be a duration such as 30s or 1m30s ({error})") from None


def size(value: Any) -> str:
    try:
        return str(byte_size(value if isinstance(value, int) else text(value)))
    except ValueError as error:
        raise Fault(f"must be a size such as 512m or 2g ({error})") from None


def texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise Fault("must be a list")
    return [text(item) for item in value]


def text_or_texts(value: Any) -> list[str]:
    return texts(value) if isinstance(value, list) else [text(value)]


def command(value: Any) -> list[str] | None:
    """A text is split as a shell would, without running one."""
    if value is None or isinstance(value, list):
        return None if value is None else texts(value)
    try:
        return shlex.split(text(value))
    except ValueError as error:
        raise Fault(f"cannot be split into words: {error}") from None


def pairs(value: Any) -> dict[str, str | None]:
    """`{A: 1}` or `[A=1]`; a key without a value is None."""
    if isinstance(value, dict):
        return {key: None if item is None else text(item) for key, item in value.items()}
    result: dict[str, str | None] = {}
    for entry in texts(value):
        key, equals, item = entry.partition("=")
        result[key] = item if equals else None
    return result


def named_texts(value: Any) -> dict[str, str]:
    return {key: item or "" for key, item in pairs(value).items()}


@dataclass(frozen=True, eq=False)
class Record:
    """Reads a mapping with known keys; `x-…` keys are left out."""

    readers: Mapping[str, Reader]
    required: tuple[str, ...] = ()

    def __call__(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Fault("must be a mapping of keys")
        result = {}
        for key, item in value.items():
            if key.startswith("x-"):
                continue
            if key not in self.readers:
                raise Fault("is not supported", (key,), tuple(self.readers))
            result[key] = within(key, self.readers[key], item)
        for key in self.required:
            if key not in result:
                raise Fault(f"needs {key}")
        return result


def within(key: str | int, reader: Reader, value: Any) -> Any:
    """Read a value that stands under a key; a fault knows the way to it."""
    try:
        return reader(value)
    except Fault as fault:
        raise Fault(str(fault), (key, *fault.path), fault.known) from None


def list_of(reader: Reader) -> Reader:
    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Fault("must be a list")
        result: list[Any] = []
        for index, item in enumerate(value):
            read_item = within(index, reader, item)
            result += read_item if isinstance(read_item, list) else [read_item]
        return result

    return read


def names_with(reader: Reader, default: Any = None) -> Reader:
    """`[a, b]` or `{a: …, b: …}` as a mapping."""

    def read(value: Any) -> dict[str, Any]:
        if isinstance(value, list):
            return dict.fromkeys(texts(value), default)
        if not isinstance(value, dict):
            raise Fault("must be a list or a mapping")
        return {key: default if item is None else within(key, reader, item) for key, item in value.items()}

    return read


def sections(reader: Reader) -> Reader:
    """A mapping of names to records; a name with nothing under it is an empty record."""

    def read(value: Any) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Fault("must be a mapping of names")
        for name in value:
            if not _NAME.fullmatch(name):
                raise Fault("is no name: letters, digits and . _ - may be in it", (name,))
        return {
            name: within(name, reader, {} if item is None else item)
            for name, item in value.items()
            if not name.startswith("x-")
        }

    return read
