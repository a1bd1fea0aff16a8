"""T-SQL in pieces."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tsql_server.errors import TsqlError

_TOKEN = re.compile(
    r"""
      (?P<blank>\s+|--[^\n]*)
    | (?P<comment>/\*)
    | (?P<string>[Nn]?'(?:[^']|'')*')
    | (?P<bracket>\[(?:[^\]]|\]\])*\])
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<binary>0[xX][0-9a-fA-F]*)
    | (?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    | (?P<variable>@@?[\w$#@]+)
    | (?P<word>[^\W\d][\w$#@]*|\#\#?[\w$#@]+)
    | (?P<symbol><>|<=|>=|!=|!<|!>|\+=|-=|\*=|/=|%=|::|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    start: int
    end: int
    line: int

    @property
    def word(self) -> str:
        """The keyword this may be, in upper case; empty for all that is quoted."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def name(self) -> str:
        """The identifier this is."""
        if self.kind == "bracket":
            return self.text[1:-1].replace("]]", "]")
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"')
        return self.text

    @property
    def string(self) -> str:
        """The value of a string literal."""
        return self.text[self.text.index("'") + 1 : -1].replace("''", "'")

    @property
    def is_name(self) -> bool:
        return self.kind in ("word", "bracket", "quoted")


def tokens(sql: str) -> list[Token]:
    found, at, line = [], 0, 1
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        assert match
        kind, end = match.lastgroup or "", match.end()
        if kind == "comment":
            end = _end_of_comment(sql, at)
        elif kind != "blank":
            text = match.group()
            if kind == "symbol" and text in "'\"[":
                raise TsqlError(
                    105, f"Unclosed quotation mark after the character string '{sql[at + 1 : at + 40]}'.", 15
                )
            found.append(Token(kind, text, at, end, line))
        line += sql.count("\n", at, end)
        at = end
    return found


def _end_of_comment(sql: str, at: int) -> int:
    """Comments nest."""
    depth, at = 1, at + 2
    for match in re.compile(r"/\*|\*/").finditer(sql, at):
        depth += 1 if match.group() == "/*" else -1
        if not depth:
            return match.end()
    raise TsqlError(113, "Missing end comment mark '*/'.", 15)


def quote_string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def dotted_name(found: list[Token], at: int) -> tuple[list[str], int]:
    """The parts of `[db].[schema].name` from `at` on, and where it ends; a part left out is empty."""
    parts, expecting = [], True
    while at < len(found):
        token = found[at]
        if token.text == ".":
            if expecting:
                parts.append("")
            expecting = True
        elif expecting and token.is_name:
            parts.append(token.name)
            expecting = False
        else:
            break
        at += 1
    if not parts or expecting:
        near = found[at].text if at < len(found) else ""
        raise TsqlError(102, f"Incorrect syntax near '{near}'.", 15)
    return parts, at


def parse_name(text: str) -> list[str]:
    """The parts of a name that is text, as sp_rename and OBJECT_ID take it."""
    parts, end = dotted_name(found := tokens(text), 0)
    if end != len(found):
        raise TsqlError(102, f"Incorrect syntax near '{found[end].text}'.", 15)
    return parts


def closing(found: list[Token], at: int) -> int:
    depth = 0
    while at < len(found):
        depth += {"(": 1, ")": -1}.get(found[at].text, 0)
        if not depth:
            return at
        at += 1
    raise TsqlError(102, "Incorrect syntax near '('.", 15)
