"""The staged DuckDB file: made whole, or gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import explained
from dataops_cli.interrupts import interrupts_kept
from dataops_cli.source.tables import SCHEMAS, Table
from dataops_cli.warehouse.embedded_calls import InterruptibleConnection

# Leaves room for Python and for what DuckDB does not count within 4 GiB.
MEMORY_LIMIT = "2500MB"
_LITTLE_SPACE = 64 << 20


@dataclass(frozen=True)
class Staging:
    """An open, empty staged file, and a folder beside it for what is only needed meanwhile."""

    connection: InterruptibleConnection
    folder: Path


@contextmanager
def staged_database(target: Path) -> Iterator[Staging]:
    """A new DuckDB file at `target`, with the schemas of the source.

    It is complete and closed when the block ends; after an error or an interrupt it is gone, with its log and its
    spill folder. Raises DataopsError where `target` is already there or the disk refuses.
    """
    import duckdb

    if target.exists():
        raise DataopsError(
            f"{target} is already there",
            hint=f"Move it away, then run the command again: mv {target} {target}.old",
            exit_code=ExitCode.REFUSED,
        )
    folder = target.with_name(f"{target.name}.work")
    complete = False
    try:
        with explained(target), _duckdb_explained(target):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            raw = duckdb.connect(str(target), config={"memory_limit": MEMORY_LIMIT})
            connection = InterruptibleConnection(raw)
            try:
                connection.execute("SET temp_directory = $folder", {"folder": str(folder / "spill")})
                connection.execute("SET enable_progress_bar = false")
                for schema in SCHEMAS:
                    connection.execute(f'CREATE SCHEMA "{schema}"')
                yield Staging(connection, folder)
                connection.execute("CHECKPOINT")
            finally:
                raw.close()
        complete = True
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        # Whatever cannot be removed was never made, and must not hide the error that is under way.
        with suppress(OSError):
            if not complete:
                target.unlink(missing_ok=True)
            target.with_name(f"{target.name}.wal").unlink(missing_ok=True)


def create_table(connection: InterruptibleConnection, table: Table) -> None:
    """The table without constraints: what is loaded is checked on the way, and an index would cost its memory."""
    columns = ", ".join(f'"{column.name}" {column.duckdb_type}' for column in table.columns)
    connection.execute(f"CREATE TABLE {table.sql_name} ({columns})")


@contextmanager
def _duckdb_explained(target: Path) -> Iterator[None]:
    """DuckDB's own failures as errors with a remedy. Its texts may quote values, so they stay out of the message."""
    import duckdb

    try:
        with interrupts_kept():  # DuckDB makes a RuntimeError of one while it fetches
            yield
    except duckdb.OutOfMemoryException as error:
        raise DataopsError(
            f"Not enough memory or spill space to write {target}",
            hint=f"Free memory, or space in {target.parent}, then run the command again.",
            exit_code=ExitCode.UNAVAILABLE,
        ) from error
    except duckdb.Error as error:
        if _is_full(target, error):
            reason = f"Cannot write {target}: no space left on device"
            hint = "Free some space, then run the command again; the source in use was not touched."
        else:
            reason = f"Cannot write {target}: DuckDB failed ({type(error).__name__})"
            hint = "Run the command again with --debug to see DuckDB's own message."
        raise DataopsError(reason, hint=hint, exit_code=ExitCode.UNAVAILABLE) from error


def _is_full(target: Path, error: Exception) -> bool:
    try:
        free = shutil.disk_usage(target.parent).free
    except OSError:
        return False
    return free < _LITTLE_SPACE or "No space left" in str(error)
