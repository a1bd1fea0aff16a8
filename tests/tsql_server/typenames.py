"""T-SQL's names of types, and PostgreSQL's for them."""

from __future__ import annotations

import re

_PLAIN = {
    "int": "int4", "integer": "int4", "bigint": "int8", "smallint": "int2", "tinyint": "tsql.tinyint", "bit": "tsql.bit",
    "money": "tsql.money", "smallmoney": "tsql.smallmoney", "float": "float8", "double precision": "float8", "real": "float8",
    "double": "float8", "date": "date", "datetime": "tsql.datetime", "smalldatetime": "tsql.smalldatetime", "uniqueidentifier": "uuid",
    "sysname": "tsql.sysname", "xml": "text", "sql_variant": "text", "text": "text", "ntext": "text", "image": "bytea", "timestamp": "bytea",
    "rowversion": "bytea",
}  # fmt: skip
_TEXT = {"nvarchar", "varchar", "nchar", "char", "character varying", "character"}
_TIMES = {"datetime2": "timestamp", "time": "time", "datetimeoffset": "timestamptz"}
_TYPE = re.compile(
    r"\[?([a-z_]\w*(?: precision| varying)?)\]?\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?\s*\Z", re.IGNORECASE
)


def postgres_type(text: str, *, default_length: int = 30) -> str:
    """PostgreSQL's type for T-SQL's. Text without a length has one character where it is declared, 30 in a cast."""
    found = _TYPE.match(text.strip())
    if not found:
        raise ValueError(f"no T-SQL type: {text}")
    name, size, scale = found[1].lower(), (found[2] or "").lower(), found[3]
    if name in _PLAIN:
        return _PLAIN[name]
    if name in ("decimal", "numeric", "dec"):
        return f"numeric({size or 18},{scale or 0})"
    if name in _TEXT:
        if size == "max":
            return "text"
        kind = "char" if name in ("nchar", "char", "character") else "varchar"
        return f"{kind}({size or default_length})"
    if name in ("varbinary", "binary"):
        return "bytea"
    if name in _TIMES:
        return f"{_TIMES[name]}({min(int(size or 7), 6)})"
    raise ValueError(f"no T-SQL type: {text}")
