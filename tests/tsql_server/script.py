"""A batch as statements: T-SQL needs no semicolons, so a statement ends where another can only begin."""

from __future__ import annotations

from dataclasses import dataclass, field

from tsql_server.errors import TsqlError
from tsql_server.lexer import Token, tokens

STARTERS = frozenset(
    [
        "ALTER",
        "BEGIN",
        "BREAK",
        "COMMIT",
        "CONTINUE",
        "CREATE",
        "DECLARE",
        "DELETE",
        "DENY",
        "DROP",
        "END",
        "ELSE",
        "EXEC",
        "EXECUTE",
        "GRANT",
        "IF",
        "INSERT",
        "KILL",
        "MERGE",
        "PRINT",
        "RAISERROR",
        "RETURN",
        "REVOKE",
        "ROLLBACK",
        "SAVE",
        "SELECT",
        "SET",
        "THROW",
        "TRUNCATE",
        "UPDATE",
        "USE",
        "WAITFOR",
        "WHILE",
    ]
)
OBJECTS = frozenset(
    [
        "TABLE",
        "VIEW",
        "SCHEMA",
        "INDEX",
        "ROLE",
        "USER",
        "PROCEDURE",
        "PROC",
        "FUNCTION",
        "DATABASE",
        "SYNONYM",
        "SEQUENCE",
        "COLUMN",
        "CONSTRAINT",
        "TYPE",
        "LOGIN",
    ]
)


@dataclass
class Simple:
    tokens: list[Token]
    text: str

    @property
    def line(self) -> int:
        return self.tokens[0].line


@dataclass
class If:
    condition: Simple
    then: Statement
    otherwise: Statement | None


@dataclass
class While:
    condition: Simple
    body: Statement


@dataclass
class Block:
    statements: list[Statement] = field(default_factory=list)


@dataclass
class Try:
    body: Block
    handler: Block


Statement = Simple | If | While | Block | Try


def parse(sql: str) -> Block:
    return _Parser(sql).batch()


class _Parser:
    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = tokens(sql)
        self.at = 0

    def batch(self) -> Block:
        block = Block()
        while self._skip_semicolons():
            block.statements.append(self._statement())
        return block

    # --- looking ---

    def _word(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at].word if at < len(self.tokens) else ""

    def _text(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at].text if 0 <= at < len(self.tokens) else ""

    def _skip_semicolons(self) -> bool:
        while self.at < len(self.tokens) and self._text() == ";":
            self.at += 1
        return self.at < len(self.tokens)

    def _fail(self) -> TsqlError:
        return TsqlError(102, f"Incorrect syntax near '{self._text() or self._text(-1)}'.", 15)

    def _expect(self, *words: str) -> None:
        for word in words:
            if self._word() != word:
                raise self._fail()
            self.at += 1

    # --- statements ---

    def _statement(self) -> Statement:
        if not self._skip_semicolons():
            raise self._fail()
        match self._word():
            case "IF":
                return self._if()
            case "WHILE":
                self.at += 1
                condition = self._condition()
                return While(condition, self._statement())
            case "BEGIN" if self._word(1) == "TRY":
                self.at += 2
                body = self._until_end("TRY")
                self._skip_semicolons()
                self._expect("BEGIN", "CATCH")
                return Try(body, self._until_end("CATCH"))
            case "BEGIN" if self._word(1) not in ("TRAN", "TRANSACTION", "DISTRIBUTED"):
                self.at += 1
                return self._until_end("")
            case "END" | "ELSE":
                raise self._fail()
        return self._simple()

    def _until_end(self, word: str) -> Block:
        block = Block()
        while True:
            if not self._skip_semicolons():
                raise self._fail()
            if self._word() == "END":
                self.at += 1
                if word:
                    self._expect(word)
                return block
            block.statements.append(self._statement())

    def _if(self) -> If:
        self.at += 1
        condition = self._condition()
        then = self._statement()
        before = self.at
        if self._skip_semicolons() and self._word() == "ELSE":
            self.at += 1
            return If(condition, then, self._statement())
        self.at = before
        return If(condition, then, None)

    def _condition(self) -> Simple:
        begin, depth, cases = self.at, 0, 0
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if token.word == "CASE":
                cases += 1
            elif cases and token.word == "END":
                cases -= 1
            elif not depth and not cases and token.word in STARTERS | {"WITH"} and self._text(-1) != ".":
                break
            self.at += 1
        return self._made(begin)

    def _made(self, begin: int) -> Simple:
        if begin == self.at:
            raise self._fail()
        found = self.tokens[begin : self.at]
        return Simple(found, self.sql[found[0].start : found[-1].end])

    def _simple(self) -> Simple:
        begin = self.at
        first, second = self._word(), self._word(1)
        if first in ("CREATE", "ALTER"):
            kind = self._word(3) if (second, self._word(2)) == ("OR", "ALTER") else second
            if kind in ("VIEW", "PROCEDURE", "PROC", "FUNCTION", "TRIGGER"):
                self.at = len(self.tokens)
                return self._made(begin)
        allowed = _allowed(first, second)
        seen: set[str] = set()
        depth = cases = 0
        self.at += 1
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            word, before = token.word, self._word(-1)
            if token.text == ";" and not depth:
                break
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if word == "CASE":
                cases += 1
            elif word == "END" and cases:
                cases -= 1
            elif word in STARTERS and not depth and not cases and self._text(-1) not in (".", "AS", "as"):
                set_operation = word == "SELECT" and before in ("UNION", "ALL", "EXCEPT", "INTERSECT")
                if first in ("GRANT", "REVOKE", "DENY"):
                    goes_on = not seen & {"TO", "FROM"}
                elif first == "DROP":
                    goes_on = word == "IF" and before in OBJECTS
                elif first == "ALTER" and word in ("ALTER", "DROP", "SET"):
                    goes_on = "ALTERED" not in seen
                    seen.add("ALTERED")
                elif word in ("DELETE", "UPDATE", "SET") and before in ("ON", "DELETE", "UPDATE"):
                    goes_on = first in ("CREATE", "ALTER")
                elif first == "MERGE":
                    goes_on = True
                else:
                    goes_on = set_operation or word in allowed
                    if first in ("INSERT", "WITH") and word in (
                        "SELECT",
                        "EXEC",
                        "EXECUTE",
                        "UPDATE",
                        "DELETE",
                        "MERGE",
                    ):
                        allowed = {"SET"} if word in ("UPDATE", "MERGE") else set()
                    elif first == "WITH" and word == "INSERT":
                        allowed = {"SELECT"}
                    else:
                        allowed = allowed - {word}
                if not goes_on:
                    break
            if word:
                seen.add(word)
            self.at += 1
        return self._made(begin)


def _allowed(first: str, second: str) -> set[str]:
    return {
        "INSERT": {"SELECT", "EXEC", "EXECUTE"},
        "WITH": {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"},
        "UPDATE": {"SET"},
        "EXECUTE": set(),
    }.get(first, set())
