"""What the warehouse knows of itself, in tables of the schema `dataops`: the lease, the generations, the candidate.

It lies in the database that it describes, so that it changes in the transaction that changes the data,
and so that every operator and every worker sees the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.warehouse.generation import Generation
from dataops_cli.warehouse.sqlserver.connection import Connection
from dataops_cli.warehouse.sqlserver.names import literal

SCHEMA = "dataops"
VERSION = 1

# Plain DDL. `version` is that of all these tables.
TABLES = {
    "lease": (
        "number int NOT NULL, holder nvarchar(4000) NULL, version int NOT NULL, "
        "reserved_by nvarchar(400) NULL, reserved_until datetime2 NULL"
    ),
    "candidate": "run_id nvarchar(64) NOT NULL, source nvarchar(200) NOT NULL",
    "generation": (
        "run_id nvarchar(64) NOT NULL PRIMARY KEY, number int NOT NULL, release nvarchar(200) NULL, "
        "as_of_date nvarchar(10) NULL, built_at nvarchar(40) NOT NULL, published_at nvarchar(40) NULL, "
        "is_current bit NOT NULL"
    ),
    "generation_relation": (
        "run_id nvarchar(64) NOT NULL, position int NOT NULL, model nvarchar(128) NOT NULL, "
        "schema_name nvarchar(128) NOT NULL, relation_name nvarchar(128) NOT NULL, is_view bit NOT NULL, "
        "built_by nvarchar(64) NOT NULL, row_count bigint NOT NULL, definition nvarchar(max) NULL, "
        "PRIMARY KEY (run_id, position)"
    ),
}


@dataclass(frozen=True)
class Placed:
    """One relation of a generation. `built_by` is the run that made its table: a generation of which only a part
    was built shares the rest with the one before. `definition` is a view's query, in published names."""

    model: str
    schema: str
    name: str
    is_view: bool
    built_by: str
    rows: int
    definition: str | None = None


def creation() -> list[str]:
    """The statements that make the tables where they are missing. The schema must be there."""
    statements = [
        f"IF OBJECT_ID({literal(f'{SCHEMA}.{name}')}, N'U') IS NULL CREATE TABLE [{SCHEMA}].[{name}] ({columns})"
        for name, columns in TABLES.items()
    ]
    statements.append(
        f"IF NOT EXISTS (SELECT 1 FROM [{SCHEMA}].[lease]) "
        f"INSERT INTO [{SCHEMA}].[lease] (number, holder, version) VALUES (0, NULL, {VERSION})"
    )
    return statements


def exists(connection: Connection) -> bool:
    """Whether there is a state. Raises DataopsError (exit 5) for one that a newer dataops wrote."""
    if connection.value(f"SELECT OBJECT_ID({literal(f'{SCHEMA}.generation_relation')}, N'U')") is None:
        return False
    version = connection.value(f"SELECT version FROM [{SCHEMA}].[lease]")
    if version is not None and version > VERSION:
        raise DataopsError(
            f"The warehouse was last written by a newer dataops (state version {version}, this one knows {VERSION})",
            hint="Use the newer dataops: pip install --upgrade dataops-cli",
            exit_code=ExitCode.REFUSED,
        )
    return True


def objects(connection: Connection) -> dict[tuple[str, str], bool]:
    """(schema, name) → whether it is a view, of all tables and views of the database."""
    # NOLOCK: anybody's open transaction that makes a table, of whatever name, would be waited for. Names that matter
    # here change under the run's lock only.
    found = connection.rows(
        "SELECT s.name, o.name, o.type FROM sys.objects o WITH (NOLOCK) "
        "JOIN sys.schemas s WITH (NOLOCK) ON s.schema_id = o.schema_id WHERE o.type IN ('U', 'V')"
    )
    return {(schema, name): kind.strip() == "V" for schema, name, kind in found}


def generations(connection: Connection) -> list[Generation]:
    """All that are kept, the newest first."""
    rows: dict[str, dict[str, int]] = {}
    for run_id, model, count in connection.rows(
        f"SELECT run_id, model, row_count FROM [{SCHEMA}].[generation_relation] ORDER BY run_id, position"
    ):
        rows.setdefault(run_id, {})[model] = count
    found = connection.rows(
        "SELECT run_id, number, release, as_of_date, built_at, published_at "
        f"FROM [{SCHEMA}].[generation] ORDER BY number DESC"
    )
    return [
        Generation(
            run_id=run_id,
            number=number,
            release=release,
            as_of_date=as_of_date,
            rows=rows.get(run_id, {}),
            built_at=built_at,
            published_at=published_at,
        )
        for run_id, number, release, as_of_date, built_at, published_at in found
    ]


def current(connection: Connection) -> str | None:
    """The run of the generation that is published."""
    found = connection.value(f"SELECT run_id FROM [{SCHEMA}].[generation] WHERE is_current = 1")
    return str(found) if found is not None else None


def relations(connection: Connection, run_id: str | None) -> list[Placed]:
    """The relations of a generation, parents before children; none for None."""
    if run_id is None:
        return []
    return [
        Placed(model, schema, name, bool(is_view), built_by, rows, definition)
        for model, schema, name, is_view, built_by, rows, definition in connection.rows(
            "SELECT model, schema_name, relation_name, is_view, built_by, row_count, definition "
            f"FROM [{SCHEMA}].[generation_relation] WHERE run_id = ? ORDER BY position",
            run_id,
        )
    ]


def add(connection: Connection, generation: Generation, placed: Iterable[Placed]) -> None:
    """Write down a generation that is not current yet."""
    connection.execute(
        f"INSERT INTO [{SCHEMA}].[generation] (run_id, number, release, as_of_date, built_at, published_at, is_current) "
        "VALUES (?, ?, ?, ?, ?, NULL, 0)",
        generation.run_id,
        generation.number,
        generation.release,
        generation.as_of_date,
        generation.built_at,
    )
    for position, item in enumerate(placed):
        connection.execute(
            f"INSERT INTO [{SCHEMA}].[generation_relation] (run_id, position, model, schema_name, relation_name, "
            "is_view, built_by, row_count, definition) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            generation.run_id,
            position,
            item.model,
            item.schema,
            item.name,
            item.is_view,
            item.built_by,
            item.rows,
            item.definition,
        )


def make_current(connection: Connection, generation: Generation) -> None:
    published_at = generation.published_now().published_at
    connection.execute(f"UPDATE [{SCHEMA}].[generation] SET is_current = 0 WHERE is_current = 1")
    connection.execute(
        f"UPDATE [{SCHEMA}].[generation] SET is_current = 1, published_at = ? WHERE run_id = ?",
        published_at,
        generation.run_id,
    )


def forget(connection: Connection, run_id: str) -> None:
    connection.execute(f"DELETE FROM [{SCHEMA}].[generation_relation] WHERE run_id = ?", run_id)
    connection.execute(f"DELETE FROM [{SCHEMA}].[generation] WHERE run_id = ?", run_id)


def only_of(connection: Connection, run_id: str) -> list[Placed]:
    """The tables of a generation that no other one shares."""
    shared = {
        (schema, name, built_by)
        for schema, name, built_by in connection.rows(
            f"SELECT schema_name, relation_name, built_by FROM [{SCHEMA}].[generation_relation] "
            "WHERE run_id <> ? AND is_view = 0",
            run_id,
        )
    }
    return [
        item
        for item in relations(connection, run_id)
        if not item.is_view and (item.schema, item.name, item.built_by) not in shared
    ]


def candidate(connection: Connection) -> str | None:
    """The run whose candidate is there."""
    found = connection.value(f"SELECT run_id FROM [{SCHEMA}].[candidate]")
    return str(found) if found is not None else None


def candidate_source(connection: Connection) -> str | None:
    """The source from which the candidate is built."""
    found = connection.value(f"SELECT source FROM [{SCHEMA}].[candidate]")
    return str(found) if found is not None else None


def set_candidate(connection: Connection, run_id: str, source: str) -> None:
    forget_candidate(connection)
    connection.execute(f"INSERT INTO [{SCHEMA}].[candidate] (run_id, source) VALUES (?, ?)", run_id, source)


def forget_candidate(connection: Connection) -> None:
    connection.execute(f"DELETE FROM [{SCHEMA}].[candidate]")
