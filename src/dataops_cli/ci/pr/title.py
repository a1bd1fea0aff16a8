"""Titles by Conventional Commits: `type(scope)!: description`.

Source: https://www.conventionalcommits.org/en/v1.0.0/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dataops_cli.ci.config import PullRequests
from dataops_cli.console import visible
from dataops_cli.settings.layers import nearest

_TITLE = re.compile(
    r"(?P<type>[^\s():!]+)(?:\((?P<scope>[^()]*)\))?(?P<breaking>!)?(?P<colon>:)(?P<space> ?)(?P<description>.*)"
)


@dataclass(frozen=True)
class Title:
    """`breaking` is whether a `!` says that the change breaks something."""

    type: str
    scope: str | None
    breaking: bool
    description: str

    def __str__(self) -> str:
        scope = f"({self.scope})" if self.scope is not None else ""
        return f"{self.type}{scope}{'!' * self.breaking}: {self.description}"


def parse(text: str) -> Title | None:
    """The parts of a title; None for what has not this form."""
    found = _TITLE.fullmatch(text)
    if not found or not found["space"] or not found["description"].strip():
        return None
    if found["scope"] is not None and not found["scope"].strip():
        return None
    return Title(found["type"], found["scope"], bool(found["breaking"]), found["description"])


def faults(text: str, rules: PullRequests) -> Iterator[str]:
    """What is wrong with a title, if anything."""
    title = parse(text)
    if title is None:
        yield _no_form(text)
        return
    if title.type not in rules.types:
        meant = nearest(title.type.lower(), list(rules.types))
        yield f"{visible(title.type)} is no type" + (f"; did you mean {meant}?" if meant else "")
    if rules.scopes and title.scope is not None and title.scope not in rules.scopes:
        yield f"{visible(title.scope)} is no scope: {', '.join(rules.scopes)}"
    if len(text) > rules.title_length:
        yield f"it has {len(text)} characters, and {rules.title_length} are allowed"
    if not text.isprintable():
        yield "it has characters that cannot be seen"
    if title.description != title.description.strip():
        yield "it has more spaces than one before the description, or some after it"
    if title.description.endswith("."):
        yield "it ends with a full stop"


def _no_form(text: str) -> str:
    if not text.strip():
        return "it is empty"
    found = _TITLE.fullmatch(text)
    if not found:
        return "it has not the form `type: description`"
    if found["scope"] is not None and not found["scope"].strip():
        return "its scope is empty"
    if not found["description"].strip():
        return "nothing follows the colon"
    return "a space is missing after the colon"
