"""The words of a step's `dataops` commands, as a shell would make them, without one."""

from __future__ import annotations

import re
from collections.abc import Mapping

COMMAND = "dataops"
EXPRESSION = "${{"
# What a runner shows as the job's summary is printed here.
_TO_SUMMARY = re.compile(r"""\s*>>\s*(["']?)\$\{?GITHUB_STEP_SUMMARY\}?\1\s*$""")
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)\}|(?P<plain>[A-Za-z_]\w*))")
# What a shell would make something of, where it stands in no quotes.
_OF_A_SHELL = frozenset("|&;<>()`*?~#!\\{}[]\n")


class NotHereError(Exception):
    """Why a step cannot be run on a laptop."""


def commands_of(script: str, variables: Mapping[str, str]) -> list[list[str]]:
    """The words of a script's commands, one a line, as a shell would give them to each, without `dataops`.

    Raises NotHereError for a script that has anything else in it.
    """
    if COMMAND not in re.findall(r"[\w./-]+", script):
        raise NotHereError(f"it does not call {COMMAND}")
    if EXPRESSION in script:
        raise NotHereError("its command has an expression of GitHub's")
    stripped = (line.strip(" \t") for line in script.replace("\\\n", "").split("\n"))
    lines = [line for line in stripped if line and not line.startswith("#")]
    if any(line.startswith("exec ") for line in lines[:-1]):
        raise NotHereError("it goes on after `exec`")
    return [_words_of(line, variables) for line in lines]


def _words_of(line: str, variables: Mapping[str, str]) -> list[str]:
    command, *words = _split(_TO_SUMMARY.sub("", line), variables) or [""]
    if command == "exec" and words:  # in place of the shell, so that the command gets its signals
        command, *words = words
    if command != COMMAND or not words:
        raise NotHereError(f"it calls {command}, and only `{COMMAND}` commands are run")
    return words


def _split(text: str, variables: Mapping[str, str]) -> list[str]:
    """Words by the shell's quotes, with its variables; nothing else of a shell's is done."""
    words: list[str] = []
    word: str | None = None
    at = 0
    while at < len(text):
        letter = text[at]
        if letter in " \t":
            words += [word] if word is not None else []
            word, at = None, at + 1
        elif letter == "'":
            end = text.find("'", at + 1)
            if end < 0:
                raise NotHereError("its quotes are not closed")
            word, at = (word or "") + text[at + 1 : end], end + 1
        elif letter == '"':
            end = _end_of_quotes(text, at + 1)
            word, at = (word or "") + _filled(text[at + 1 : end], variables), end + 1
        elif letter in _OF_A_SHELL:
            raise NotHereError("it needs a shell: it is more than one command")
        else:
            end = at
            while end < len(text) and text[end] not in " \t'\"" and text[end] not in _OF_A_SHELL - {"{", "}"}:
                end += 1
            word, at = (word or "") + _unquoted(text[at:end], variables), end
    return words + ([word] if word is not None else [])


def _end_of_quotes(text: str, start: int) -> int:
    end = text.find('"', start)
    if end < 0:
        raise NotHereError("its quotes are not closed")
    if "\\" in text[start:end] or "`" in text[start:end]:
        raise NotHereError("it needs a shell: there is more than text in its quotes")
    return end


def _unquoted(text: str, variables: Mapping[str, str]) -> str:
    """A shell would make several words of a value with spaces."""
    filled = _filled(text, variables)
    if filled != text and (not filled or set(filled) & (_OF_A_SHELL | set(" \t"))):
        raise NotHereError("it needs a shell: a variable there is not in quotes")
    if "{" in filled or "}" in filled:
        raise NotHereError("it needs a shell: it has braces")
    return filled


def _filled(text: str, variables: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        name = found["braced"] or found["plain"]
        if name not in variables:
            raise NotHereError(f"it needs the variable {name}; set it to run the step")
        if EXPRESSION in variables[name]:
            raise NotHereError(f"the variable {name} comes from GitHub; set it to run the step")
        return variables[name]

    if "$" in _VARIABLE.sub("", text):
        raise NotHereError("it needs a shell: it has more than plain variables")
    return _VARIABLE.sub(value, text)
