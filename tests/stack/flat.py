"""Nested documents compared so that a failure shows what differs and no more."""

from __future__ import annotations

from typing import Any


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Path → value, for what is no mapping or an empty one."""
    if not isinstance(value, dict) or not value:
        return {path: value}
    return {key: item for name, inner in value.items() for key, item in flat(inner, f"{path} {name}").items()}
