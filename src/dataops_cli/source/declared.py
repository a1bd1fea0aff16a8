"""The columns that the dbt sources declare: what the models read."""

from __future__ import annotations

from pathlib import Path

from dataops_cli.errors import UsageError
from dataops_cli.source.tables import TABLES, Table


def declared_columns(sources_yaml: Path) -> dict[str, frozenset[str]]:
    """The declared columns by table, such as `Sales.Customer`, in the tables' own spelling.

    Raises UsageError for a file that is not there or no YAML of dbt sources, and for a table or column that
    AdventureWorks does not have. A table that declares no columns has an empty set.
    """
    declared: dict[str, frozenset[str]] = {}
    for name, columns in _read(sources_yaml):
        table = _known_table(sources_yaml, name)
        names = frozenset(_known_column(sources_yaml, table, column) for column in columns)
        declared[table.full_name] = declared.get(table.full_name, frozenset()) | names
    return declared


def _read(path: Path) -> list[tuple[str, list[str]]]:
    """The tables' names and the names of their columns."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return [
            (
                str(table.get("identifier") or table["name"]),
                [str(column["name"]) for column in table.get("columns") or []],
            )
            for source in document["sources"]
            for table in source["tables"]
        ]
    except FileNotFoundError:
        raise UsageError(f"There is no {path}", hint="It declares the dbt sources: restore it.") from None
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        raise UsageError(
            f"{path} does not declare dbt sources",
            hint="It needs a list `sources` with `tables`, as in dbt's documentation of sources.",
        ) from None


def _known_table(path: Path, name: str) -> Table:
    for table in TABLES:
        if table.name.lower() == name.lower():
            return table
    known = ", ".join(table.name for table in TABLES)
    raise UsageError(
        f"{path} declares the table {name}, which is no table of the source", hint=f"Known are {known}."
    )


def _known_column(path: Path, table: Table, name: str) -> str:
    for known in table.names:
        if known.lower() == name.lower():
            return known
    raise UsageError(
        f"{path} declares the column {name} of {table.full_name}, which has no such column",
        hint=f"Its columns are {', '.join(table.names)}.",
    )
