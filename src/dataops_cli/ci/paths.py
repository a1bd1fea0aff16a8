"""Paths by patterns, as .gitignore has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pathspec import PathSpec


def matching(paths: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The paths that the patterns match, a later `!pattern` taking out again."""
    spec = PathSpec.from_lines("gitwildmatch", patterns)
    return [path for path in paths if spec.match_file(path)]
