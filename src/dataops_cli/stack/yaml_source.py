"""A Compose file as plain values, with the line of every key.

YAML as Compose reads it: `yes` and `on` are text, `22:22` is text, duplicate keys are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import inf, isinf
from typing import Any

import yaml

from dataops_cli.errors import UsageError

Path = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_OCTAL = re.compile(r"[-+]?0[0-7]+")
_BASED = re.compile(r"[-+]?0([oO][0-7]+|[xX][0-9a-fA-F]+|[bB][01]+)")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?")
STRING = "tag:yaml.org,2002:str"
# Compose makes another text of an unquoted date: 2026-01-31 becomes 2026-01-31 00:00:00 +0000 UTC.
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(([Tt]|[ \t]+)\d{1,2}:\d{1,2}:\d{1,2}.*)?")
_LARGEST = 2**64
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Source:
    """One file: its values, the line of each path, and the paths tagged `!reset` or `!override`."""

    shown_as: str
    values: dict[str, Any]
    lines: dict[Path, int] = field(default_factory=dict)
    replaced: set[Path] = field(default_factory=set)

    def place(self, path: Path) -> str:
        """`compose/dev.yml:31`: where the path, or the nearest thing around it, stands."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.shown_as}:{self.lines.get(path, 1)}"

    def error(self, path: Path, message: str, hint: str) -> UsageError:
        key = ".".join(str(part) for part in path if not isinstance(part, int))
        return UsageError(f"{self.place(path)}: {key} {message}".replace(":  ", ": "), hint=hint)


def parse(text: str, shown_as: str) -> Source:
    """Read a Compose file's text. Raises UsageError with file and line for broken YAML."""
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(
            f"{shown_as}:{line}: no valid YAML: {error.problem or error.context}",
            hint="Mend the YAML there; mind the indentation.",
        ) from None
    except yaml.YAMLError as error:
        raise UsageError(f"{shown_as}: no valid YAML: {error}", hint="Save the file as UTF-8 text.") from None
    source = Source(shown_as, {})
    if node is None:
        return source
    if not isinstance(node, yaml.MappingNode):
        raise UsageError(f"{shown_as}:1: no mapping of keys", hint="A Compose file begins with: services:")
    source.values = _value(node, (), source)
    return source


def _value(node: yaml.Node, path: Path, source: Source) -> Any:
    if node.tag in ("!reset", "!override"):
        source.replaced.add(path)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, source)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            source.lines[(*path, index)] = item.start_mark.line + 1
        return [_value(item, (*path, index), source) for index, item in enumerate(node.value)]
    return _scalar(node, source)


def _mapping(node: yaml.MappingNode, path: Path, source: Source) -> dict[str, Any]:
    own: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if key_node.tag == "tag:yaml.org,2002:merge" or key_node.value == "<<":
            parts = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            for part in parts:
                if not isinstance(part, yaml.MappingNode):
                    raise UsageError(
                        f"{source.shown_as}:{line}: << merges mappings only", hint="Write: <<: *anchor"
                    )
                for key, value in _mapping(part, path, source).items():
                    merged.setdefault(key, value)
            continue
        key = str(key_node.value)
        if key in own:
            raise UsageError(
                f"{source.shown_as}:{line}: {'.'.join(map(str, (*path, key)))} is there twice",
                hint="Keep one of the two.",
            )
        here = (*path, key)
        source.lines[here] = line
        value = _value(value_node, here, source)
        if value_node.tag == "!reset":
            continue
        own[key] = value
    return merged | own


def _scalar(node: Any, source: Source) -> Any:
    text = str(node.value)
    # A plain whole number is text only where a tag says so.
    if node.style in ("'", '"', "|", ">") or (node.tag == STRING and _INTEGER.fullmatch(text)):
        return text
    if _DATE.fullmatch(text):
        place = f"{source.shown_as}:{node.start_mark.line + 1}"
        raise UsageError(f"{place}: {text} is a date to Compose", hint=f'Write it in quotes: "{text}"')
    lowered = text.lower()
    if lowered in ("", "~", "null"):
        return None
    if lowered in ("true", "false"):
        return lowered == "true"
    # As Compose: digits may be set apart by _.
    plain = text.replace("_", "") if text[0] in "+-.0123456789" else text
    if _INTEGER.fullmatch(plain):
        whole = int(plain)
    elif _OCTAL.fullmatch(plain):
        whole = int(plain, 8)
    elif _BASED.fullmatch(plain):
        whole = int(plain, 0)
    else:
        number = float(plain) if _FLOAT.fullmatch(plain) else inf
        return text if isinf(number) else number
    return whole if -_LARGEST // 2 <= whole < _LARGEST else float(whole)
