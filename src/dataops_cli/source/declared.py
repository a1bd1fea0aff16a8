"""The columns that the dbt sources declare: what the models read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataops_cli.errors import UsageError
from dataops_cli.source.tables import TABLES, Table


def declared_columns(sources_yaml: Path) -> dict[str, frozenset[str]]:
    """The declared columns by table, such as `Sales.Customer`, in the tables' own spelling.

    Raises UsageError for a file that is not there or no YAML of dbt sources, and for a table or column that
    AdventureWorks does not have. A table that declares no columns has an empty set.
    """
    declared: dict[str, frozenset[str]] = {}
    for entry in _declared_tables(sources_yaml):
        name = str(entry.get("identifier") or entry.get("name"))
        table = _known_table(sources_yaml, name)
        columns = entry.get("columns") or []
        names = frozenset(_known_column(sources_yaml, table, str(column["name"])) for column in columns)
        declared[table.full_name] = declared.get(table.full_name, frozenset()) | names
    return declared


def _declared_tables(path: Path) -> list[dict[str, Any]]:
    import yaml  # type: ignore[import-untyped]

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return [table for source in document["sources"] for table in source["tables"]]
    except FileNotFoundError:
        raise UsageError(f"There is no {path}", hint="It declares the dbt sources: restore it.") from None
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
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
