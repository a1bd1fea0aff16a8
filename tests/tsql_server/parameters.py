"""sp_describe_undeclared_parameters: the types of a statement's parameters that nobody has declared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tsql_server.errors import TsqlError
from tsql_server.lexer import dotted_name, tokens
from tsql_server.translate import Relation

if TYPE_CHECKING:
    from tsql_server.interpreter import Interpreter

COLUMNS = (
    "parameter_ordinal int4, name varchar(128), suggested_system_type_id int4, suggested_system_type_name varchar(128), "
    "suggested_max_length int2, suggested_precision tsql.tinyint, suggested_scale tsql.tinyint, suggested_user_type_id int4, "
    "suggested_user_type_database varchar(128), suggested_user_type_schema varchar(128), suggested_user_type_name varchar(128), "
    "suggested_assembly_qualified_type_name varchar(4000), suggested_xml_collection_id int4, suggested_xml_collection_database varchar(128), "
    "suggested_xml_collection_schema varchar(128), suggested_xml_collection_name varchar(128), suggested_is_xml_document tsql.bit, "
    "suggested_is_case_sensitive tsql.bit, suggested_is_fixed_length_clr_type tsql.bit, suggested_is_input tsql.bit, suggested_is_output tsql.bit, "
    "formal_parameter_name varchar(128), suggested_tds_type_id int4, suggested_tds_length int4"
)
# The type's byte on the wire.
TDS = {
    "int": 38, "bigint": 38, "smallint": 38, "tinyint": 38, "bit": 104, "decimal": 108, "money": 110, "smallmoney": 110, "float": 109,
    "real": 109, "date": 40, "time": 41, "datetime2": 42, "datetimeoffset": 43, "datetime": 111, "smalldatetime": 111, "nvarchar": 231,
    "nchar": 239, "uniqueidentifier": 36, "varbinary": 165, "sysname": 231,
}  # fmt: skip
SHAPES = """
    SELECT a.attname, t.name, t.system_type_id::text, t.user_type_id::text, s.max_length::text, s.precision::text, s.scale::text
    FROM pg_attribute a JOIN tsql.types t ON t.name = tsql.type_name_of(a.atttypid, a.atttypmod), tsql.shape(t.name, a.atttypmod) s
    WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
# Where the statement does not say it by itself.
UNKNOWN = ("nvarchar", "231", "231", "8000", "0", "0")


def describe(interpreter: Interpreter, text: str) -> int:
    session = interpreter.session
    found = tokens(text)
    names = list(
        dict.fromkeys(
            token.text for token in found if token.kind == "variable" and not token.text.startswith("@@")
        )
    )
    targets = _targets(interpreter, text)
    rows = []
    for ordinal, name in enumerate(names, 1):
        kind, system, user, length, precision, scale = targets.get(name.lower(), UNKNOWN)
        cells = [
            str(ordinal), f"'{name}'", system, f"'{kind}'", length, f"tsql.raw_tinyint({precision})", f"tsql.raw_tinyint({scale})", user,
            *["NULL"] * 8, *["tsql.raw_bit(0)"] * 3, "tsql.raw_bit(1)", "tsql.raw_bit(0)", "NULL", str(TDS.get(kind, 231)),
            "65535" if length == "-1" else length,
        ]  # fmt: skip
        rows.append(f"({', '.join(cells)})")
    if not rows:
        raise TsqlError(11508, "The undeclared parameters cannot be described: there are none.")
    types = [part.strip().split(" ") for part in COLUMNS.replace(", ", ",").split(",")]
    chosen = ", ".join(f"c{at}::{kind} AS {name}" for at, (name, kind) in enumerate(types))
    listed = ", ".join(f"c{at}" for at in range(len(types)))
    result = session.backend.run(
        f"SELECT {chosen} FROM (VALUES {', '.join(rows)}) AS v({listed})", binary=True
    )
    interpreter.output.rows(result, session.column_types(result))
    return 0


def _targets(interpreter: Interpreter, text: str) -> dict[str, tuple[str, ...]]:
    """By parameter: the shape of the column that INSERT … VALUES puts it into, or that it is compared with or set to."""
    session, found = interpreter.session, tokens(text)
    shapes: dict[str, tuple[str, ...]] = {}
    tables: list[Relation] = []
    for at, token in enumerate(found[:-1]):
        if token.word in ("INTO", "FROM", "JOIN", "UPDATE") and found[at + 1].is_name:
            relation = session.find(dotted_name(found, at + 1)[0])
            if relation:
                tables.append(relation)
    columns: dict[str, tuple[str, ...]] = {}
    for relation in tables:
        for name, *shape in session.backend.rows(SHAPES, str(relation.oid)):
            columns.setdefault(str(name).lower(), tuple(str(cell) for cell in shape))
    insert = re.match(
        r"\s*INSERT\s+(?:INTO\s+)?[^(]+\(([^)]*)\)\s*VALUES\s*\((.*)\)\s*;?\s*$",
        text,
        re.IGNORECASE | re.DOTALL,
    )
    if insert:
        names = [token.name.lower() for token in tokens(insert[1]) if token.is_name]
        values = [part.strip().lower() for part in insert[2].split(",")]
        for name, value in zip(names, values, strict=False):
            if name in columns:
                shapes[value] = columns[name]
    for at, token in enumerate(found):
        if token.kind == "variable" and at > 1 and found[at - 1].text in ("=", "<>", "<", ">", "<=", ">="):
            shape = columns.get(found[at - 2].name.lower())
            if shape:
                shapes.setdefault(token.text.lower(), shape)
    return shapes
