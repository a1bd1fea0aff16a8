"""A text of T-SQL as the batches that are sent, and what can be told of it without understanding it all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataops_cli.errors import UsageError

# A word, or one of the marks that matter here. Everything quoted is one piece, closed or not.
_PIECE = re.compile(
    r"""
      (?P<comment>--[^\n]*)
    | (?P<block>/\*)
    | (?P<quoted>'(?:[^']|'')*(?:'|\Z)|"(?:[^"]|"")*(?:"|\Z)|\[(?:[^\]]|\]\])*(?:\]|\Z))
    | (?P<word>[\w$\#@]+)
    | (?P<mark>[;()])
    """,
    re.VERBOSE,
)
_BLOCK = re.compile(r"/\*|\*/")
# sqlcmd's line between batches; SQL Server does not know it.
_GO = re.compile(r"^[ \t]*GO\b[ \t]*(?P<rest>[^\n]*)$", re.IGNORECASE | re.MULTILINE)
# Words that begin no further statement when they come before a SELECT.
_JOINS_SELECTS = frozenset({"union", "all", "except", "intersect"})
_BEGIN_STATEMENTS = frozenset(
    {
        *("alter", "begin", "break", "close", "commit", "create", "dbcc", "deallocate", "declare", "delete"),
        *(
            "deny",
            "drop",
            "exec",
            "execute",
            "goto",
            "grant",
            "if",
            "insert",
            "kill",
            "merge",
            "open",
            "print",
        ),
        *("raiserror", "return", "revoke", "rollback", "save", "set", "throw", "truncate", "update", "use"),
        *("waitfor", "while"),
    }
)
# After one of these, what follows may run or not, or later, or be what it makes.
_BRANCHES = frozenset(
    (
        "begin",
        "if",
        "else",
        "while",
        "goto",
        "return",
        "throw",
        "create",
        "alter",
        "exec",
        "execute",
        "declare",
    )
)


def batches(text: str) -> list[str]:
    """The batches of a text, which lines `GO` divide; empty ones are left out.

    Raises UsageError for `GO 5`, which sqlcmd would run five times.
    """
    found, begin = [], 0
    for line in _go_lines(text):
        rest = line["rest"].strip()
        if rest and not rest.startswith("--"):
            raise UsageError(
                f"GO stands alone on its line, and this one has: GO {rest}",
                hint="A batch is run once: write it as often as it is to be run, or use a WHILE loop.",
            )
        found.append(text[begin : line.start()])
        begin = line.end()
    found.append(text[begin:])
    return [batch for batch in found if _rest(batch).strip("; \t\r\n")]


def is_complete(text: str) -> bool:
    """Whether a text that is typed line by line ends here: with a semicolon, or a line GO."""
    if any(not text[line.end() :].strip() for line in _go_lines(text)):
        return True
    pieces = [(kind, text[begin:end], end) for kind, begin, end in _pieces(text) if kind != "comment"]
    return bool(pieces) and pieces[-1][1] == ";" and not _rest(text[pieces[-1][2] :])


def is_one_query(batch: str) -> bool:
    """Whether a batch is surely one SELECT, so that nothing comes after its rows.

    A batch of which that is not sure counts as several statements.
    """
    depth, selects, before, ended = 0, 0, "", False
    for kind, begin, end in _pieces(batch):
        if kind == "comment":
            continue
        piece = batch[begin:end].lower()
        if ended:
            return False
        if piece == ";":
            ended = True
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if kind == "word" and not depth:
            if piece in _BEGIN_STATEMENTS:
                return False
            selects += piece == "select" and before not in _JOINS_SELECTS
        before = piece
    return selects == 1


def sure_results(text: str) -> int:
    """How many results a text has at least, where nothing fails: its SELECTs that surely give rows and surely run."""
    return sum(_gives_rows(statement) for batch in batches(text) for statement in _straight_on(batch))


def _straight_on(batch: str) -> list[str]:
    """The statements that semicolons divide; none where not each of them is sure to be run."""
    statements, begin, depth = [], 0, 0
    for kind, at, end in _pieces(batch):
        piece = batch[at:end].lower()
        if kind == "word" and piece in _BRANCHES:
            return []
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if piece == ";" and not depth:
            statements.append(batch[begin:at])
            begin = end
    return [*statements, batch[begin:]]


def _gives_rows(statement: str) -> bool:
    words = [statement[at:end].lower() for kind, at, end in _pieces(statement) if kind == "word"]
    # SELECT … INTO makes a table, SELECT @x = … sets a variable.
    silent = "into" in words or any(re.match(r"@(?!@)", word) for word in words)
    return is_one_query(statement) and not silent


def _go_lines(text: str) -> Iterator[re.Match[str]]:
    """The lines GO that are none of a comment or of something quoted."""
    taken = [(begin, end) for kind, begin, end in _pieces(text) if kind in ("comment", "quoted")]
    for line in _GO.finditer(text):
        if not any(begin <= line.start() < end for begin, end in taken):
            yield line


def _pieces(text: str) -> Iterator[tuple[str, int, int]]:
    """(kind, begin, end): comment, quoted, word, mark. A comment or quote that is not closed goes to the end;
    such a comment counts as quoted: SQL Server is to see it, and complain."""
    at = 0
    while piece := _PIECE.search(text, at):
        kind, at = piece.lastgroup or "", piece.end()
        if kind == "block":
            end = _end_of_comment(text, piece.start())
            kind, at = ("comment", end) if end else ("quoted", len(text))
        yield kind, piece.start(), at


def _end_of_comment(text: str, begin: int) -> int:
    """Comments nest. 0 where it has no end."""
    depth = 0
    for mark in _BLOCK.finditer(text, begin):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return mark.end()
    return 0


def _rest(text: str) -> str:
    """What a text has besides comments and blanks."""
    kept, at = [], 0
    for kind, begin, end in _pieces(text):
        if kind == "comment":
            kept.append(text[at:begin])
            at = end
    kept.append(text[at:])
    return "".join(kept).strip()
