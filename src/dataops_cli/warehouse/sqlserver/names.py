"""Names and text as T-SQL writes them. Everything that comes from outside goes through here or is a parameter."""

from __future__ import annotations


def identifier(name: str) -> str:
    """`[name]`, whatever the name holds."""
    return "[" + name.replace("]", "]]") + "]"


def qualified(*parts: str) -> str:
    """`[schema].[name]`, or with a database before them."""
    return ".".join(identifier(part) for part in parts)


def literal(text: str) -> str:
    """`N'text'`, whatever the text holds."""
    return "N'" + text.replace("'", "''") + "'"
