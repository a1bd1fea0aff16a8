"""What a repository asks of its changes: `.github/dataops-ci.toml`. Every key has a default, and so has the file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from dataops_cli.errors import UsageError
from dataops_cli.files import explained
from dataops_cli.settings.layers import key_lines, nearest
from dataops_cli.settings.section import Section

FILE = Path(".github") / "dataops-ci.toml"

# Angular's, which most tools for Conventional Commits come with.
TYPES = ("build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test")

Patterns = tuple[Annotated[str, Field(min_length=1)], ...]


class PullRequests(Section):
    types: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        TYPES, description="types that a title may begin with"
    )
    scopes: tuple[str, ...] = Field((), description="scopes that a title may name; none: any")
    title_length: Annotated[int, Field(ge=20)] = Field(100, description="characters that a title may have")
    file_size_kib: Annotated[int, Field(ge=1)] = Field(
        1024, description="KiB that a changed file may have; git keeps every version of it for ever"
    )
    large_files: Patterns = Field((), description="paths that may be larger")
    protected_label: Annotated[str, Field(min_length=1)] = Field(
        "protected-paths", description="label by which a reviewer lets protected paths be changed"
    )
    protected: Patterns = Field((), description="paths that are changed with that label only")


class Lint(Section):
    skip: Patterns = Field((), description="paths that no check looks at")
    allowed_secrets: tuple[str, ...] = Field(
        (), description="fingerprints of findings of the check `secrets` that are none"
    )


class Config(Section):
    """Patterns are those of .gitignore, from the repository's root; those of `ci pr` from the platform's, too."""

    pr: PullRequests = PullRequests()
    labels: Mapping[str, Patterns] = Field({}, description="label → paths that get it")
    lint: Lint = Lint()


def read_config(root: Path) -> Config:
    """The configuration of the repository. Raises UsageError with the line for what is wrong in it."""
    path = root / FILE
    if not path.exists():
        return Config()
    with explained(path):
        return parse_config(path.read_bytes())


def parse_config(raw: bytes) -> Config:
    """The configuration in a file. Raises UsageError with the line for what is wrong in it."""
    try:
        text = raw.decode("utf-8")
        document = tomllib.loads(text)
    except ValueError as error:
        raise UsageError(f"{FILE} is no valid TOML: {error}", hint="Mend the TOML there.") from None
    lines = key_lines(text)
    for key in _unknown(document):
        meant = nearest(key, known_keys())
        raise UsageError(
            f"{FILE}:{lines.get(key, 1)}: unknown key {key}",
            hint=f"Did you mean {meant}?" if meant else f"Known are: {', '.join(known_keys())}",
        )
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"] if isinstance(part, str))
        message = re.sub(r"^Value error, ", "", fault["msg"])
        raise UsageError(
            f"{FILE}:{lines.get(key, 1)}: {key}: {message[0].lower()}{message[1:]}",
            hint="Mend it there; without the key, its default is used.",
        ) from None


def known_keys() -> list[str]:
    """Every dotted key; those of `labels` are the user's own."""
    keys = []
    for name, field in Config.model_fields.items():
        section = field.annotation
        inner = section.model_fields if isinstance(section, type) and issubclass(section, Section) else None
        keys += [f"{name}.{key}" for key in inner] if inner else [name]
    return keys


def _unknown(document: Mapping[str, Any]) -> Iterator[str]:
    known = known_keys()
    for name, value in document.items():
        if name in known:
            continue
        if not any(key.startswith(f"{name}.") for key in known):
            yield name
        elif isinstance(value, dict):
            yield from (f"{name}.{key}" for key in value if f"{name}.{key}" not in known)
