"""Whether a description says something: what the template says does not count."""

from __future__ import annotations

import re
from pathlib import Path

# Source: https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests
FOLDERS = ("", ".github", "docs")
NAMES = ("pull_request_template.md", "pull_request_template.txt")

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_HEADING = re.compile(r"#{1,6}(?:\s|$)")
_TICK = re.compile(r"^([-*+]\s+)\[[xX]\]")
_WORD = re.compile(r"\w")


def own_words(description: str, template: str = "") -> list[str]:
    """The lines that somebody has written: no comments, no headings, nothing of the template, no empty boxes."""
    of_template = set(_lines(template))
    return [
        line
        for line in _lines(description)
        if line not in of_template and not _HEADING.match(line) and _WORD.search(line)
    ]


def without_comments(text: str) -> str:
    return _COMMENT.sub("", text)


def template_of(root: Path) -> str:
    """The repository's template for descriptions; empty where it has none."""
    for folder in FOLDERS:
        for path in sorted((root / folder).glob("*")):
            if path.name.lower() in NAMES and path.is_file():
                return path.read_text(encoding="utf-8", errors="replace")
    return ""


def _lines(text: str) -> list[str]:
    """Without comments, a ticked box as an empty one: its text is the template's."""
    return [_TICK.sub(r"\1[ ]", line.strip()) for line in without_comments(text).splitlines()]
