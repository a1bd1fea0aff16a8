"""From the line of SQL that DuckDB complains of to the line of the model that it was compiled from."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

# DuckDB quotes the line, cut at its end or at both where it is long. Its number is that in the statement which dbt
# makes of the compiled SQL (`create table … as (`), so it is larger than the line's number in either file.
_QUOTED = re.compile(r"^\s*LINE (\d+): ?(?:\.\.\.)?(.+?)(?:\.\.\.)?$", re.MULTILINE)
_NUMBER = re.compile(r"^(\s*)(LINE \d+):", re.MULTILINE)


def source_line(message: str, source: str, compiled: str) -> int | None:
    """The line of a model's file that a message speaks of, from 1; None where it quotes no line of the compiled SQL."""
    found = _QUOTED.search(message)
    if found is None:
        return None
    sql = compiled.splitlines()
    number, words = int(found[1]), found[2].strip()
    holding = [index for index, line in enumerate(sql) if words in line and index < number]
    return _line_of(holding[-1], sql, source.splitlines()) if holding else None


def _line_of(index: int, sql: list[str], source: list[str]) -> int:
    """What is between lines that both have was made of what is there in the other: by Jinja, line by line or more."""
    old, new = [line.strip() for line in source], [line.strip() for line in sql]
    for kind, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if start <= index < end:
            if kind == "insert":
                return max(first, 1)
            return min(first + index - start, last - 1) + 1
    return 1


def without_number(message: str) -> str:
    """The message as it was, but for a line's number that is of no file; what is marked below stays below its words."""
    return _NUMBER.sub(lambda found: found[1] + "SQL:".ljust(len(found[2]) + 1), message)
