"""One Compose file over another, both in canonical form. Source: the Compose specification, "Merge"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Lists and mappings that are replaced as a whole.
REPLACED = {"command", "entrypoint", "test"}
# Lists whose entries are unique by a key: a later entry takes the place of an earlier one.
UNIQUE: dict[str, Callable[[Any], Any]] = {
    "ports": lambda port: (
        port.get("host_ip", ""),
        port.get("published", ""),
        port["target"],
        port.get("protocol", "tcp"),
    ),
    "volumes": lambda mount: mount["target"],
    "secrets": lambda use: use["target"],
} | dict.fromkeys(
    (
        "aliases",
        "cap_add",
        "cap_drop",
        "env_file",
        "expose",
        "extra_hosts",
        "group_add",
        "profiles",
        "security_opt",
        "tmpfs",
    ),
    lambda entry: entry,
)


def merge(base: Any, over: Any, key: str = "") -> Any:
    """Mappings recurse, lists append, scalars and commands are replaced. Neither argument is changed."""
    if key in REPLACED:
        return over
    if isinstance(base, dict) and over is None:
        return base
    if isinstance(base, dict) and isinstance(over, dict):
        if key == "logging" and base.get("driver", over.get("driver")) != over.get(
            "driver", base.get("driver")
        ):
            return over  # another driver has other options
        result = dict(base)
        for name, item in over.items():
            result[name] = merge(result[name], item, name) if name in result else item
        return result
    if isinstance(base, list) and isinstance(over, list):
        return _pools(base, over) if key == "config" else base + over
    return over


def _pools(base: list[Any], over: list[Any]) -> list[Any]:
    """A network's address pools: those of the later file, each over the earlier one of its subnet."""
    before = {pool.get("subnet"): pool for pool in base}
    return [merge(before.get(pool.get("subnet"), {}), pool) for pool in over]


def unique(value: Any, key: str = "") -> Any:
    """The document with every list that UNIQUE names freed of what is there twice."""
    if isinstance(value, dict):
        return {name: unique(item, name) for name, item in value.items()}
    if isinstance(value, list) and key in UNIQUE:
        return list({UNIQUE[key](item): item for item in value}.values())
    return value


def without(document: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    """The document without what is at the path: what `!reset` and `!override` ask for."""
    key, *rest = path
    if key not in document:
        return document
    if not rest:
        return {name: item for name, item in document.items() if name != key}
    inner = document[str(key)]
    return document | {str(key): without(inner, tuple(rest))} if isinstance(inner, dict) else document
