"""Which files of a folder hold the seven tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dataops_cli.errors import DataopsError, ExitCode, UsageError
from dataops_cli.source.tables import TABLES, Table

FORMS = (
    "Expected are <Schema>.<Table>.csv or .csv.gz with a header row, such as Sales.Customer.csv.gz, "
    "or Microsoft's own files of the AdventureWorks install script, such as Customer.csv."
)


@dataclass(frozen=True)
class SourceFile:
    """One table's file. `has_header` is false for Microsoft's own files, whose fields come in table order."""

    table: Table
    path: Path
    has_header: bool

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def is_gzip(self) -> bool:
        return self.path.suffix == ".gz"


def find_files(directory: Path) -> list[SourceFile]:
    """The file of each table, in the order of TABLES.

    Raises UsageError for a folder that is not there, a table without a file, and a table with more than one.
    """
    present = _file_names(directory)
    found: list[SourceFile] = []
    missing: list[str] = []
    for table in TABLES:
        candidates = [
            SourceFile(table, directory / name, has_header=stem == table.full_name)
            for stem in (table.full_name, table.name)
            for name in (f"{stem}.csv", f"{stem}.csv.gz")
            if name in present
        ]
        if len(candidates) > 1:
            names = " and ".join(file.name for file in candidates)
            raise UsageError(
                f"{directory} has more than one file for {table.full_name}: {names}",
                hint="Keep the one that should be loaded, and move the other out of the folder.",
            )
        found.extend(candidates)
        if not candidates:
            missing.append(
                f"{table.full_name}: no {table.full_name}.csv, {table.full_name}.csv.gz or {table.name}.csv"
            )
    if missing:
        raise UsageError(
            f"{directory} has no file for {len(missing)} of the {len(TABLES)} tables",
            hint=FORMS,
            details=tuple(missing),
        )
    return found


def cannot_read(path: Path, error: OSError) -> DataopsError:
    """The operating system refuses to read the file or folder."""
    return DataopsError(
        f"Cannot read {path}: {error.strerror or error}",
        hint=f"Make it readable, then run the command again: ls -l {path}",
        exit_code=ExitCode.UNAVAILABLE,
    )


def _file_names(directory: Path) -> set[str]:
    try:
        return {entry.name for entry in directory.iterdir() if not entry.is_dir()}
    except FileNotFoundError:
        raise UsageError(
            f"There is no folder {directory}", hint="Name the folder with the source files."
        ) from None
    except NotADirectoryError:
        raise UsageError(
            f"{directory} is not a folder", hint="Name the folder with the source files."
        ) from None
    except OSError as error:
        raise cannot_read(directory, error) from error
