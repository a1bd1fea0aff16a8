"""sqlglot's T-SQL, with the functions kept by name whose translation to PostgreSQL differs from what T-SQL does."""

from __future__ import annotations

import re
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.tsql import TSQL

from tsql_server.typenames import postgres_type

# PostgreSQL has a function of this name: see sql/2_functions.sql.
OWN = frozenset(
    [
        "DATEADD",
        "DATEDIFF",
        "DATEDIFF_BIG",
        "DATEPART",
        "DATENAME",
        "GETDATE",
        "GETUTCDATE",
        "SYSDATETIME",
        "SYSUTCDATETIME",
        "EOMONTH",
        "LEN",
        "CHARINDEX",
        "REPLICATE",
        "DATEFROMPARTS",
        "DAY",
        "MONTH",
        "YEAR",
        "SUSER_NAME",
        "SUSER_SNAME",
        "DB_NAME",
        "OBJECT_ID",
        "ROUND",
        "HASHBYTES",
        "NEWID",
        "SCHEMA_NAME",
        "STUFF",
        "SPACE",
        "DATALENGTH",
        "ISNUMERIC",
        "QUOTENAME",
        "PARSENAME",
        "COUNT_BIG",
        "CHAR",
        "NCHAR",
    ]
)
DATE_FUNCTIONS = frozenset(["DATEADD", "DATEDIFF", "DATEDIFF_BIG", "DATEPART", "DATENAME"])
PARTS = {
    "yy": "year", "yyyy": "year", "qq": "quarter", "q": "quarter", "mm": "month", "m": "month", "dy": "dayofyear", "y": "dayofyear",
    "dd": "day", "d": "day", "wk": "week", "ww": "week", "dw": "weekday", "w": "weekday", "hh": "hour", "mi": "minute", "n": "minute",
    "ss": "second", "s": "second", "ms": "millisecond", "mcs": "microsecond", "isowk": "iso_week", "isoww": "iso_week",
}  # fmt: skip


class StandIn(TSQL):
    class Parser(TSQL.Parser):
        FUNCTIONS: ClassVar = {name: made for name, made in TSQL.Parser.FUNCTIONS.items() if name not in OWN}
        NO_PAREN_FUNCTIONS: ClassVar = {}


def data_type(text: str) -> exp.DataType:
    """A type that is written as it is."""
    return exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=text)


def cast(value: exp.Expression, text: str) -> exp.Cast:
    return exp.Cast(this=value, to=data_type(text))


def call(name: str, *values: exp.Expression) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(values))


def type_of(node: exp.DataType, *, default_length: int = 30) -> exp.DataType:
    if node.this == exp.DataType.Type.USERDEFINED and node.args.get("kind"):
        kind = str(node.args["kind"])
        return node if "." in kind or kind in ("text", "float8") else data_type(postgres_type(kind))
    return data_type(postgres_type(node.sql("tsql"), default_length=default_length))


def expression(node: exp.Expression) -> exp.Expression:
    """One node of a T-SQL expression as PostgreSQL has it. Its parts have not been visited yet."""
    if isinstance(node, exp.National):
        return exp.Literal.string(node.name)
    if isinstance(node, exp.Boolean):
        # T-SQL has no true and false: to it they are names.
        return exp.column(exp.to_identifier(str(node.this), quoted=True))
    if isinstance(node, exp.HexString):
        return cast(exp.Literal.string("\\x" + node.name), "bytea")
    if isinstance(node, exp.Literal) and not node.is_string and "e" in node.name.lower():
        return cast(exp.Literal.string(node.name), "float8")
    if isinstance(node, exp.TryCast):
        kind = type_of(node.to)
        text = exp.Cast(this=node.this.copy(), to=data_type("text"))
        asked = call("CAN_CAST", text, exp.Literal.string(kind.sql("postgres")))
        return exp.Case(ifs=[exp.If(this=asked, true=exp.Cast(this=node.this, to=kind))])
    if isinstance(node, exp.Convert):
        kind, value, style = type_of(node.this), node.expression, node.args.get("style")
        is_text = str(kind.args["kind"]).startswith(("varchar", "char", "text"))
        if style is not None and is_text:
            value = call("CONVERT_STYLE", value, style)
        return exp.Cast(this=value, to=kind)
    if isinstance(node, exp.Cast):
        node.set("to", type_of(node.to))
        return node
    if isinstance(node, exp.CurrentTimestamp):
        return call("GETDATE")
    if isinstance(node, exp.Collate):
        if node.expression.name.upper().endswith(("_BIN", "_BIN2")):
            return exp.Collate(this=node.this, expression=exp.to_identifier("C", quoted=True))
        return node.this
    if isinstance(node, exp.Like) and not isinstance(node, exp.ILike):
        return _like(node)
    if isinstance(node, exp.Anonymous):
        return _function(node)
    return node


def _like(node: exp.Like) -> exp.Expression:
    """LIKE does not look at case, but in a binary collation; its brackets are a regular expression's."""
    pattern, binary = node.expression, node.find(exp.Collate)
    text = pattern.name if isinstance(pattern, exp.Literal | exp.National) else None
    escaped = isinstance(node.parent, exp.Escape)
    if text is not None and "[" in text and not escaped:
        regex = "".join(
            part if part.startswith("[") else {"%": ".*", "_": "."}.get(part, re.escape(part))
            for part in re.findall(r"\[[^\]]+\]|.", text, re.DOTALL)
        )
        kind = exp.RegexpLike if binary else exp.RegexpILike
        matched = kind(this=node.this, expression=exp.Literal.string(f"^{regex}$"))
        return exp.Not(this=matched) if node.args.get("negate") else matched
    if text is not None and not escaped:
        pattern = exp.Literal.string(text.replace("\\", "\\\\"))
    kind = exp.Like if binary else exp.ILike
    return kind(this=node.this, expression=pattern, negate=node.args.get("negate"))


def _function(node: exp.Anonymous) -> exp.Expression:
    name = str(node.this).upper()
    if name == "TSQLVAR":
        return node
    values = node.expressions
    if name in DATE_FUNCTIONS and values:
        part = values[0].name.lower()
        values[0] = exp.Literal.string(PARTS.get(part, part))
        if name == "DATEADD":
            values[1] = cast(values[1], "int4")
        for at in range(2 if name == "DATEADD" else 1, len(values)):
            # Bare text and numbers are dates here.
            if isinstance(values[at], exp.Literal | exp.National):
                values[at] = cast(expression(values[at]), "timestamp")
        node.set("expressions", values)
    elif name == "EOMONTH" or name in ("YEAR", "MONTH", "DAY"):
        if isinstance(values[0], exp.Literal | exp.National):
            node.set("expressions", [cast(expression(values[0]), "timestamp"), *values[1:]])
    elif name == "LEN" and values:
        node.set("expressions", [exp.Cast(this=values[0], to=data_type("text"))])
    elif name in ("CHAR", "NCHAR"):
        return call("CHR", *values)
    return node
