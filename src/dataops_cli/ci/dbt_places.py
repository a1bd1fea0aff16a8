"""Where in the repository a model, a test or what dbt complains of is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dataops_cli.ci.dbt_contract import column_to_mend
from dataops_cli.ci.dbt_source_lines import source_line

# dbt names files from the project's folder, and where it cannot read YAML from the folder of its kind.
_FOLDERS = ("", "models/", "tests/", "macros/", "seeds/", "snapshots/")
_FILE = re.compile(r"[\w./-]*[\w-]\.(?:sql|ya?ml|csv|md)\b")
_LINE = re.compile(r"\bline (\d+)\b")
_NAMED = re.compile(r"(?:named|unit test) '([^']+)'|'([^']+)' is undefined")


@dataclass(frozen=True)
class Place:
    """`file` is a path from the repository's root; lines count from 1."""

    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file or ""


NOWHERE = Place()


@dataclass(frozen=True)
class Places:
    """Of the dbt project in the folder `dbt`, which is `prefix` from the repository's root (`dbt`, `data/dbt`)."""

    dbt: Path
    prefix: str

    def of_node(self, node: Mapping[str, Any], message: str = "", compiled: str | None = None) -> Place:
        """Of a node of the manifest (a model, data test or unit test) that failed with a message; `compiled` is its
        SQL. Of a contract that is not kept it is where the column is described: what was promised."""
        path = node["original_file_path"]
        if not (text := self._text(path)):
            return NOWHERE  # in a package
        if path.endswith((".yml", ".yaml")):
            return self._place(path, line_in_yaml(text, node) or 1)
        if column := column_to_mend(message):
            return self.of_column(node, column)
        return self._place(path, source_line(message, text, compiled or "") or _line_said(message, text) or 1)

    def of_removed(self, node: Mapping[str, Any]) -> Place:
        """Of a model of the base that the change does not have: where it is still described, or else where it was."""
        patch = (node.get("patch_path") or "").partition("://")[2]
        entry = _entry(_root(self._text(patch)), "models", node["name"]) if patch else None
        line = _line(entry)
        return self._place(patch, line) if line else Place(f"{self.prefix}/{node['original_file_path']}")

    def of_column(self, node: Mapping[str, Any], column: str | None) -> Place:
        """Where a model's column is described, or else the model."""
        patch = (node.get("patch_path") or "").partition("://")[2]
        text = self._text(patch) if patch else ""
        if not text:
            return self._place(node["original_file_path"], 1)
        entry = _entry(_root(text), "models", node["name"])
        found = _named(_value(entry, "columns"), column) if column else None
        return self._place(patch, _line(found or entry) or 1)

    def of_message(self, message: str) -> Place:
        """The file that dbt's message names, and the line that it speaks of."""
        for name in _FILE.findall(message):
            for folder in _FOLDERS:
                path = f"{folder}{name}".removeprefix("./")
                if text := self._text(path):
                    return self._place(path, _line_said(message, text) or 1)
        return NOWHERE

    def _place(self, path: str, line: int) -> Place:
        return Place(f"{self.prefix}/{path}", line)

    def _text(self, path: str) -> str:
        try:
            return (self.dbt / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""


def _line_said(message: str, text: str) -> int | None:
    """The line of the source `text` that a message speaks of: by its number, its name, or its words."""
    lines = text.splitlines()
    if found := _LINE.search(message):
        # dbt counts from the first line of SQL that is not blank, and YAML's from the first of all.
        blank = len(text) - len(text.lstrip()) if "Error in " in message else 0
        return min(int(found[1]) + text[:blank].count("\n"), len(lines))
    # A source is `sales.orders` to dbt, and in the file two words. `order` may be a word of SQL, too.
    names = [name.rpartition(".")[2] for pair in _NAMED.findall(message) for name in pair if name]
    words = [
        pattern for name in names for pattern in (rf"['\"]{re.escape(name)}['\"]", rf"\b{re.escape(name)}\b")
    ]
    for word in words:
        if holding := [number for number, line in enumerate(lines, 1) if re.search(word, line)]:
            return holding[0]
    return None


def line_in_yaml(text: str, node: Mapping[str, Any]) -> int | None:
    """The line of a generic test's or unit test's entry: by its name, or else below its model and column."""
    root = _root(text)
    for entry in _entries(root):
        if _scalar(_value(entry, "name")) == node["name"]:
            return _line(entry)
    metadata = node.get("test_metadata")
    owner = _owner(root, node)
    if not metadata or owner is None:
        return None
    if column := node.get("column_name"):
        owner = _named(_value(owner, "columns"), column) or owner
    wanted = ".".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)
    for key in ("data_tests", "tests"):
        for test in _items(_value(owner, key)):
            kind = test if isinstance(test, yaml.ScalarNode) else test.value[0][0] if test.value else None
            if wanted in (_scalar(kind), _scalar(_value(test, "test_name"))):
                return _line(test)
    return _line(owner)


def _owner(root: yaml.Node | None, node: Mapping[str, Any]) -> yaml.Node | None:
    """The entry of the model or source table that a test belongs to."""
    section, _, name = (node.get("file_key_name") or "").partition(".")
    owner = _entry(root, section, name)
    if section == "sources" and node.get("sources"):
        return _named(_value(owner, "tables"), node["sources"][0][-1]) or owner
    return owner


def _root(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError:
        return None


def _entry(root: yaml.Node | None, section: str, name: str) -> yaml.Node | None:
    return _named(_value(root, section), name)


def _named(sequence: yaml.Node | None, name: str | None) -> yaml.Node | None:
    wanted = (name or "").casefold()
    return next(
        (item for item in _items(sequence) if (_scalar(_value(item, "name")) or "").casefold() == wanted),
        None,
    )


def _entries(node: yaml.Node | None) -> Iterator[yaml.Node]:
    """All entries of lists, and what is nested in an entry under the name of a test: `- unique: {name: …}`."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if isinstance(item, yaml.MappingNode):
                yield item
                yield from (value for _, value in item.value if isinstance(value, yaml.MappingNode))
            yield from _entries(item)
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _entries(value)


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if _scalar(name) == key), None)
    return None


def _items(node: yaml.Node | None) -> Sequence[yaml.Node]:
    return node.value if isinstance(node, yaml.SequenceNode) else ()


def _scalar(node: yaml.Node | None) -> str | None:
    return node.value if isinstance(node, yaml.ScalarNode) else None


def _line(node: yaml.Node | None) -> int | None:
    return node.start_mark.line + 1 if node is not None else None
