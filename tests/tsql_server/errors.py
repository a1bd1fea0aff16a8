"""Errors as SQL Server numbers them, and PostgreSQL's translated to them."""

from __future__ import annotations

import re


class TsqlError(Exception):
    def __init__(self, number: int, text: str, severity: int = 16, state: int = 1) -> None:
        super().__init__(text)
        self.number = number
        self.text = text
        self.severity = severity
        self.state = state
        self.line = 1

    @property
    def ends_transaction(self) -> bool:
        """SQL Server rolls back all of it, whatever XACT_ABORT says."""
        return self.number in (1205, 3960)

    @property
    def ends_batch(self) -> bool:
        """The batch ends here also without XACT_ABORT: what it names is not there, or it cannot be read."""
        return self.ends_transaction or self.number in (
            102, 105, 137, 156, 195, 207, 208, 209, 241, 245, 911, 916, 4413, 8114, 8120, 2714, 3701, 3723, 0
        )  # fmt: skip


class Cancelled(Exception):
    """The client asked to end its request."""


class Fields:
    """What PostgreSQL says about an error."""

    def __init__(
        self, state: str, text: str, detail: str, schema: str, table: str, column: str, constraint: str
    ) -> None:
        self.state, self.text, self.detail = state, text, detail
        self.schema, self.table, self.column, self.constraint = schema, table, column, constraint


def _quoted(text: str, number: int = 0) -> str:
    found = re.findall(r'"([^"]*)"', text)
    return found[number] if len(found) > number else ""


def short_name(name: str) -> str:
    """`dbo.t` of PostgreSQL's `dataops.dbo.t`."""
    parts = name.split(".")
    return ".".join(parts[1:]) if len(parts) > 2 else name


_PERMISSION = re.compile(r"permission denied for (\w+(?: \w+)?) (.+)")


def translated(fields: Fields, database: str, permission: str = "SELECT") -> TsqlError:
    """SQL Server's error for PostgreSQL's. What has no number of its own is 50000 with PostgreSQL's words."""
    state, text = fields.state, fields.text
    match state:
        case "42P01":
            return TsqlError(208, f"Invalid object name '{short_name(_quoted(text))}'.")
        case "42703":
            column = _quoted(text) or text.removeprefix("column ").split(" ")[0].split(".")[-1]
            return TsqlError(207, f"Invalid column name '{column}'.")
        case "42702":
            return TsqlError(209, f"Ambiguous column name '{_quoted(text)}'.")
        case "42601":
            return TsqlError(102, f"Incorrect syntax near '{_quoted(text)}'. ({text})", 15)
        case "42501":
            found = _PERMISSION.match(text)
            if found and found[1] in ("table", "view", "sequence"):
                return TsqlError(
                    229,
                    f"The {permission} permission was denied on the object '{found[2]}', database '{database}', "
                    f"schema '{fields.schema or 'dbo'}'.",
                    14,
                    5,
                )
            if found and found[1] == "schema":
                return TsqlError(
                    2760,
                    f'The specified schema name "{short_name(found[2]).split(".")[-1]}" either does not exist or you do '
                    "not have permission to use it.",
                )
            if text.startswith("must be owner of"):
                name = text.split(" ")[-1].strip('"')
                return TsqlError(
                    3701,
                    f"Cannot drop the object '{name}', because it does not exist or you do not have permission.",
                    14,
                )
            return TsqlError(262, f"{permission} permission denied in database '{database}'. ({text})", 14)
        case "42P07" | "42710" | "42P06" | "42723":
            return TsqlError(
                2714, f"There is already an object named '{_quoted(text)}' in the database.", 16, 6
            )
        case "23505" if text.startswith("could not create unique index"):
            return TsqlError(
                1505,
                "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name "
                f"'{short_name(fields.schema + '.' + fields.table)}'.",
            )
        case "23505":
            duplicate = re.search(r"=\((.*)\) already", fields.detail or "")
            value = f"({duplicate[1]})" if duplicate else ""
            table = f"{short_name(fields.schema + '.' + fields.table)}"
            if fields.constraint.startswith("ix_"):
                return TsqlError(
                    2601,
                    f"Cannot insert duplicate key row in object '{table}' with unique index '{fields.constraint}'. "
                    f"The duplicate key value is {value}.",
                    14,
                )
            return TsqlError(
                2627,
                f"Violation of PRIMARY KEY constraint '{fields.constraint}'. Cannot insert duplicate key in object "
                f"'{table}'. The duplicate key value is {value}.",
                14,
            )
        case "23502":
            return TsqlError(
                515,
                f"Cannot insert the value NULL into column '{fields.column}', table "
                f"'{fields.schema}.{fields.table}'; column does not allow nulls. INSERT fails.",
                16,
                2,
            )
        case "23503" | "23514":
            return TsqlError(
                547, f'The statement conflicted with the constraint "{fields.constraint}". ({text})', 16
            )
        case "22012":
            return TsqlError(8134, "Divide by zero error encountered.")
        case "22P02":
            if "numeric" in text or "double" in text:
                return TsqlError(8114, f"Error converting data type nvarchar to numeric. ({text})", 16, 5)
            return TsqlError(
                245, f"Conversion failed when converting the nvarchar value to data type int. ({text})"
            )
        case "22007" | "22008":
            return TsqlError(
                241, f"Conversion failed when converting date and/or time from character string. ({text})"
            )
        case "22003":
            return TsqlError(8115, f"Arithmetic overflow error converting expression. ({text})", 16, 2)
        case "22001":
            return TsqlError(8152, f"String or binary data would be truncated. ({text})")
        case "40P01":
            return TsqlError(
                1205,
                "Transaction was deadlocked on lock resources with another process and has been chosen as the deadlock "
                "victim. Rerun the transaction.",
                13,
                51,
            )
        case "40001":
            return TsqlError(3960, "Snapshot isolation transaction aborted due to update conflict.")
        case "55P03":
            return TsqlError(1222, "Lock request time out period exceeded.", 16, 51)
        case "42883":
            if text.startswith("operator"):
                return TsqlError(402, f"The data types are incompatible in the operator. ({text})")
            name = text.removeprefix("function ").split("(")[0]
            return TsqlError(195, f"'{name}' is not a recognized built-in function name. ({text})", 15, 10)
        case "42804":
            return TsqlError(206, f"Operand type clash: {text}", 16, 2)
        case "42803":
            return TsqlError(
                8120,
                f"Column '{_quoted(text)}' is invalid in the select list because it is not contained in either an "
                "aggregate function or the GROUP BY clause.",
            )
        case "3F000":
            name = short_name(_quoted(text)).split(".")[-1]
            return TsqlError(
                2760,
                f'The specified schema name "{name}" either does not exist or you do not have permission to use it.',
            )
        case "2BP01":
            return TsqlError(
                3729, f"Cannot drop it because it is being referenced. ({text}: {fields.detail})"
            )
        case "TS208":
            return TsqlError(208, text)
        case "TS413":
            return TsqlError(4413, text)
    return TsqlError(50000, f"PostgreSQL {state}: {text}")
