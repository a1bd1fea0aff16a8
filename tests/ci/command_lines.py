"""Command lines of `dataops` in workflows and documents, checked against the commands and options that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import click
import typer

from dataops_cli.cli.root import app

# What ends a command in a shell's line, or a sentence about one.
_END = re.compile(r"\s(?:\||>|&&|;|#|\\$|[12]>)|[…`|]|\$\(|\)\s*$")
_FENCE = re.compile(r"^(?:```|~~~)[^\n]*\n(.*?)^(?:```|~~~)", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(dataops [^`\n]+)`")


def in_shell(script: str) -> Iterator[str]:
    """Every command line of `dataops` in a script, what follows the name only."""
    joined = re.sub(r"\s*\\\n\s*", " ", script)
    for line in joined.splitlines():
        line = re.sub(r"(?:^|\s)#\s.*", "", line)
        for found in re.finditer(r"(?:^|[\s;(&/])dataops (?=[a-z-])(?![a-z]+=)", line):
            yield _END.split(line[found.end() :])[0].strip()


def in_document(text: str) -> Iterator[str]:
    """Those in a Markdown document's code, in blocks and in lines."""
    for block in _FENCE.findall(text):
        yield from in_shell(block)
    for line in _INLINE.findall(_FENCE.sub("", text)):
        yield from in_shell(line)


def fault(line: str) -> str | None:
    """Why it cannot be a command line of `dataops`; None where it can."""
    try:
        words = shlex.split(line)
    except ValueError:  # a quotation that was cut off with what follows the command
        words = line.split()
    command: Any = typer.main.get_command(app)
    context = click.Context(command, info_name="dataops")
    while words:
        word = words.pop(0)
        if word == "--":
            return None
        if word.startswith("-") and not re.fullmatch(r"-\d+", word):
            name = word.partition("=")[0]
            known = {text for item in command.params for text in (*item.opts, *item.secondary_opts)}
            known |= {"--help", "-h"}
            if name not in known:
                if command.context_settings.get("ignore_unknown_options"):
                    return None
                return f"`{context.command_path}` has no option {name}"
            if "=" not in word and _takes_a_value(command, name) and words:
                words.pop(0)
        elif hasattr(command, "resolve_command"):
            if re.fullmatch(r"[A-Z<\[].*", word):  # any command, as in `dataops COMMAND`
                return None
            try:
                name, command, _ = command.resolve_command(context, [word])
            except click.UsageError:
                return f"`{context.command_path}` has no command {word}"
            context = click.Context(command, info_name=name, parent=context)
        elif command.context_settings.get("ignore_unknown_options"):
            return None
    return None


def _takes_a_value(command: Any, name: str) -> bool:
    option = next((item for item in command.params if name in (*item.opts, *item.secondary_opts)), None)
    return (
        option is not None and not getattr(option, "is_flag", False) and not getattr(option, "count", False)
    )
