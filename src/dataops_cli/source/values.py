"""What a field's text may be, for each type: once as SQL for the fast way, once in Python for the exact one.

Both use the same patterns, so they agree on every text. They are stricter than a cast, which rounds `1.23456`
to a money and takes `yes` for a bit.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache

from dataops_cli.source.tables import Column

_INTEGERS = {"int": (-(2**31), 2**31 - 1), "smallint": (-(2**15), 2**15 - 1), "tinyint": (0, 255)}
_MONEY_LIMIT = "922337203685477.5807"
_DATETIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,3}0*)?)?"
)
# A datetime of SQL Server knows three digits of a second, and begins in 1753.
_DATETIME_CHARACTERS = 23
_FIRST_DATETIME = "1753-01-01"
_UUID = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"

_MEANINGS = {
    "int": "a whole number from -2147483648 to 2147483647",
    "smallint": "a whole number from -32768 to 32767",
    "tinyint": "a whole number from 0 to 255",
    "bit": "0 or 1",
    "datetime": "a date such as 2014-06-30 or 2014-06-30 23:59:59.997, from the year 1753 on",
    "uniqueidentifier": "an identifier such as 694215B7-08F7-4C0D-ACB1-D734BA44C0C8",
}


def pattern(column: Column) -> str:
    """The regular expression that the text of a value must match as a whole; the same for RE2 and Python."""
    match column.base:
        case "int" | "smallint" | "tinyint":
            return r"[+-]?[0-9]{1,10}"
        case "bit":
            return "[01]"
        case "money" | "numeric" | "decimal":
            whole, scale = _digits(column)
            # Digits beyond the scale must be zeros: a value is refused rather than rounded.
            return rf"[+-]?([0-9]{{1,{whole}}}(\.[0-9]{{1,{scale}}}0*)?|\.[0-9]{{1,{scale}}}0*)"
        case "datetime":
            return _DATETIME
        case "uniqueidentifier":
            return _UUID
        case _:
            raise ValueError(f"{column.type} has no pattern")


def sql_value(column: Column) -> str:
    """SQL that turns the column's text into its value; the query fails where the text is not right."""
    field = f'"{column.name}"'
    if column.is_text:
        (size,) = column.sizes
        # nvarchar counts UTF-16 units: a character beyond U+FFFF is two. Bytes are never fewer than units.
        units = (
            rf"(length({field}) + length(regexp_replace({field}, '[^\x{{10000}}-\x{{10FFFF}}]', '', 'g')))"
        )
        parsed = f"CASE WHEN strlen({field}) <= {size} OR {units} <= {size} THEN {field} END"
    else:
        parsed = (
            f"CASE WHEN regexp_full_match({field}, '{pattern(column)}') THEN {_sql_cast(column, field)} END"
        )
    checked = f"coalesce({parsed}, error('{column.name}'))"
    return f"CASE WHEN {field} IS NULL THEN NULL ELSE {checked} END" if column.nullable else checked


def problem(column: Column, text: str) -> str | None:
    """Why the text (not empty) is no value of the column, or None where it is one."""
    if column.is_text:
        (size,) = column.sizes
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        return f"is {units} characters long, {column.type} holds {size}" if units > size else None
    if _compiled(column).fullmatch(text) and _fits(column, text):
        return None
    return f"is not {meaning(column)} ({column.type})"


def meaning(column: Column) -> str:
    if column.base in {"money", "numeric", "decimal"}:
        whole, scale = _digits(column)
        return f"a number with at most {whole} digits before and {scale} after the point"
    return _MEANINGS[column.base]


def _digits(column: Column) -> tuple[int, int]:
    """How many digits may stand before and after the point."""
    precision, scale = column.sizes or (19, 4)
    return precision - scale, scale


def _sql_cast(column: Column, field: str) -> str:
    cast = f"TRY_CAST({field} AS {column.duckdb_type})"
    match column.base:
        case "bit":
            return f"{field} = '1'"
        case "money":
            return f"CASE WHEN abs({cast}) <= {_MONEY_LIMIT} THEN {cast} END"
        case "datetime":
            cast = f"TRY_CAST(left({field}, {_DATETIME_CHARACTERS}) AS TIMESTAMP)"
            return f"CASE WHEN {field} >= '{_FIRST_DATETIME}' THEN {cast} END"
        case _:
            return cast


def _fits(column: Column, text: str) -> bool:
    from decimal import Decimal

    if column.base in _INTEGERS:
        low, high = _INTEGERS[column.base]
        return low <= int(text) <= high
    if column.base == "money":
        return abs(Decimal(text)) <= Decimal(_MONEY_LIMIT)
    if column.base == "datetime":
        if text < _FIRST_DATETIME:
            return False
        try:
            datetime.fromisoformat(text[:_DATETIME_CHARACTERS])
        except ValueError:
            return False
    return True


@cache
def _compiled(column: Column) -> re.Pattern[str]:
    return re.compile(pattern(column))
