"""A statement made ready for sqlglot: without what it does not read, and with numbered variables."""

from __future__ import annotations

from tsql_server.lexer import Token, closing

HINTS = frozenset(
    [
        "NOLOCK",
        "READUNCOMMITTED",
        "READCOMMITTED",
        "READPAST",
        "UPDLOCK",
        "HOLDLOCK",
        "SERIALIZABLE",
        "ROWLOCK",
        "PAGLOCK",
        "TABLOCK",
        "TABLOCKX",
        "XLOCK",
        "NOWAIT",
        "REPEATABLEREAD",
        "FORCESEEK",
        "NOEXPAND",
        "INDEX",
        "SNAPSHOT",
        "READCOMMITTEDLOCK",
        "KEEPIDENTITY",
        "IGNORE_TRIGGERS",
    ]
)
# What the session knows and PostgreSQL does not: variables, whatever they look like.
FUNCTIONS_OF_THE_SESSION = {
    name: "@@" + name.lower()
    for name in [
        "XACT_STATE",
        "ERROR_NUMBER",
        "ERROR_MESSAGE",
        "ERROR_SEVERITY",
        "ERROR_STATE",
        "ERROR_LINE",
        "ERROR_PROCEDURE",
        "SCOPE_IDENTITY",
        "ROWCOUNT_BIG",
        "CURRENT_TRANSACTION_ID",
    ]
}
DESCRIBE = "DM_EXEC_DESCRIBE_FIRST_RESULT_SET"


def prepared(found: list[Token]) -> tuple[str, list[str], set[str], str]:
    """The text for sqlglot, with variables by number and without hints; the variables, hints and OUTPUT's columns."""
    parts: list[str] = []
    variables: list[str] = []
    hints: set[str] = set()
    output: list[str] = []
    into = parts
    depth, at = 0, 0

    def variable(name: str) -> str:
        if name not in variables:
            variables.append(name)
        return f"tsqlvar({variables.index(name)})"

    first = found[0].word
    while at < len(found):
        token = found[at]
        following = found[at + 1] if at + 1 < len(found) else None
        opens = following is not None and following.text == "("
        if token.word == "WITH" and at and opens and found[at + 2].word in HINTS:
            end = closing(found, at + 1)
            hints |= {hint.word for hint in found[at + 2 : end]}
            at = end + 1
            continue
        if token.word == "OPTION" and opens and depth == 0:
            at = closing(found, at + 1) + 1
            continue
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.word == "OUTPUT" and depth == 0 and first in ("INSERT", "UPDATE", "DELETE", "MERGE"):
            into = output
            at += 1
            continue
        if (
            into is output
            and depth == 0
            and token.word in ("VALUES", "SELECT", "FROM", "WHERE", "DEFAULT", "WITH")
        ):
            into = parts
        if token.word == "SYS" and at + 3 < len(found) and found[at + 2].word == DESCRIBE:
            into.append(f"TSQL_DESCRIBED({variable('describe ' + found[at + 4].text.lower())})")
            at = closing(found, at + 3) + 1
            continue
        if token.word in FUNCTIONS_OF_THE_SESSION and opens and found[at + 2].text == ")":
            into.append(variable(FUNCTIONS_OF_THE_SESSION[token.word]))
            at += 3
            continue
        if token.kind == "variable":
            into.append(variable(token.text.lower()))
        else:
            # Names keep their brackets: what is quoted for sqlglot is never a keyword.
            into.append(token.text)
        at += 1
    return _joined(parts), variables, hints, _joined(output)


def _joined(parts: list[str]) -> str:
    text = ""
    for part in parts:
        text += part if part == "." or text.endswith(".") or not text else " " + part
    return text
