"""One Compose file over another, both in canonical form. Source: the Compose specification, "Merge"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Lists and mappings that are replaced as a whole.
REPLACED = {"command", "entrypoint", "test"}
# Lists whose entries are unique by a key: an entry of the later file takes the place of an earlier one.
UNIQUE: dict[str, Callable[[Any], Any]] = {
    "ports": lambda port: (
        port.get("host_ip", ""),
        port.get("published", ""),
        port["target"],
        port.get("protocol", "tcp"),
    ),
    "volumes": lambda mount: mount["target"],
    "secrets": lambda use: use["target"],
    "env_file": lambda path: path,
    "extra_hosts": lambda entry: entry,
    "cap_add": lambda name: name,
    "cap_drop": lambda name: name,
    "security_opt": lambda option: option,
    "profiles": lambda name: name,
    "tmpfs": lambda entry: entry,
    "expose": lambda port: port,
}


def merge(base: Any, over: Any, key: str = "") -> Any:
    """Mappings recurse, lists append, scalars and commands are replaced. Neither argument is changed."""
    if key in REPLACED or over is None:
        return over
    if isinstance(base, dict) and isinstance(over, dict):
        result = dict(base)
        for name, item in over.items():
            result[name] = merge(result[name], item, name) if name in result else item
        return result
    if isinstance(base, list) and isinstance(over, list):
        if key not in UNIQUE:
            return base + over
        unique = {UNIQUE[key](item): item for item in base}
        for item in over:
            unique[UNIQUE[key](item)] = item
        return list(unique.values())
    return over


def without(document: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    """The document without what is at the path: what `!reset` and `!override` ask for."""
    key, *rest = path
    if key not in document:
        return document
    if not rest:
        return {name: item for name, item in document.items() if name != key}
    inner = document[str(key)]
    return document | {str(key): without(inner, tuple(rest))} if isinstance(inner, dict) else document
