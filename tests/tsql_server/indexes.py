"""Indexes. PostgreSQL's names are one to a schema, SQL Server's one to a table: the name stands in a comment."""

from __future__ import annotations

import hashlib

from tsql_server import columns
from tsql_server.errors import TsqlError
from tsql_server.lexer import Token, dotted_name
from tsql_server.objects import at, required
from tsql_server.session import Session, literal, quoted
from tsql_server.translate import Relation


def create(session: Session, found: list[Token]) -> None:
    start = next(n for n, token in enumerate(found) if token.word == "INDEX")
    words = [token.word for token in found[:start]]
    label = found[start + 1].name
    name, end = dotted_name(found, start + 3)
    table = required(session, name)
    if index_of(session, table, label):
        raise TsqlError(
            1913,
            f"The operation failed because an index or statistics with name '{label}' already exists on table '{'.'.join(name)}'.",
        )
    kind = "CLUSTERED" if "CLUSTERED" in words else "NONCLUSTERED"
    internal = quoted("ix_" + hashlib.sha256(f"{table.oid} {label}".encode()).hexdigest()[:32])
    unique = "UNIQUE " if "UNIQUE" in words else ""
    if "COLUMNSTORE" in words:
        kind += " COLUMNSTORE"
        session.backend.run(f"CREATE INDEX {internal} ON {at(table)} USING brin ({quoted(table.columns[0])})")
    else:
        keys, end = columns.listed(found, end, table.columns)
        extra = where = ""
        if end < len(found) and found[end].word == "INCLUDE":
            included, end = columns.listed(found, end + 1, table.columns)
            extra = f" INCLUDE ({included})"
        if end < len(found) and found[end].word == "WHERE":
            stop = next((n for n in range(end, len(found)) if found[n].word == "WITH"), len(found))
            where = f" WHERE {columns.condition(session, found[end + 1 : stop], table.columns)}"
        # NULLs are equal to a unique index of SQL Server.
        nulls = " NULLS NOT DISTINCT" if unique else ""
        session.backend.run(f"CREATE {unique}INDEX {internal} ON {at(table)} ({keys}){extra}{nulls}{where}")
    session.backend.run(
        f"COMMENT ON INDEX {quoted(table.namespace)}.{internal} IS {literal(f'{label}|{kind}')}"
    )


def index_of(session: Session, table: Relation, label: str) -> str | None:
    """PostgreSQL's name of a table's index."""
    return session.backend.value(
        "SELECT i.relname FROM pg_index d JOIN pg_class i ON i.oid = d.indexrelid WHERE d.indrelid = $1::int8::oid "
        "AND lower(coalesce(split_part(obj_description(i.oid, 'pg_class'), '|', 1), i.relname)) = lower($2)",
        str(table.oid),
        label,
    )


def drop(session: Session, found: list[Token]) -> None:
    exists = found[2].word == "IF"
    name, end = dotted_name(found, 4 if exists else 2)
    on_table = end < len(found) and found[end].word == "ON"
    table_name = dotted_name(found, end + 1)[0] if on_table else name[:-1]
    table = session.find(table_name)
    internal = index_of(session, table, name[-1]) if table else None
    if table is None or internal is None:
        if exists:
            return
        raise TsqlError(
            3701,
            f"Cannot drop the index '{'.'.join(name)}', because it does not exist or you do not have permission.",
            11,
            7,
        )
    session.backend.run(f"DROP INDEX {quoted(table.namespace)}.{quoted(internal)}")
