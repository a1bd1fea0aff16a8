"""What a backup of the warehouse and its restore say to SQL Server, as text. Names are quoted here."""

from __future__ import annotations

import re
from collections.abc import Collection

from dataops_cli.warehouse.sqlserver.names import identifier, literal
from dataops_cli.warehouse.sqlserver.restore_statements import STATS

# The default folder is known from SQL Server 2019 on.
FACTS = (
    "SELECT CAST(SERVERPROPERTY('EngineEdition') AS int), "
    "CAST(SERVERPROPERTY('InstanceDefaultBackupPath') AS nvarchar(4000))"
)


def backup(database: str, path: str, name: str, *, compressed: bool) -> str:
    """Copy-only: chains of differential and log backups, which others may keep, are left alone."""
    more = "    COMPRESSION,\n" if compressed else ""
    return (
        f"BACKUP DATABASE {identifier(database)} TO DISK = {literal(path)} WITH\n"
        f"    COPY_ONLY,\n    CHECKSUM,\n    FORMAT,\n    INIT,\n    NAME = {literal(name)},\n"
        f"{more}    STATS = {STATS}"
    )


def verify(path: str) -> str:
    return f"RESTORE VERIFYONLY FROM DISK = {literal(path)} WITH CHECKSUM"


def size(name: str) -> str:
    """Bytes of the file of the backup with that name."""
    return (
        "SELECT TOP (1) CAST(compressed_backup_size AS bigint) FROM msdb.dbo.backupset "
        f"WHERE name = {literal(name)} ORDER BY backup_set_id DESC"
    )


def header(path: str) -> str:
    return f"RESTORE HEADERONLY FROM DISK = {literal(path)}"


def name_and_database(row: tuple[object, ...]) -> tuple[str, str]:
    """Of a row of HEADERONLY. Source: Microsoft, "RESTORE Statements - HEADERONLY": the 1st and the 10th column."""
    return str(row[0] or ""), str(row[9])


def restore(database: str, path: str) -> str:
    return (
        f"RESTORE DATABASE {identifier(database)} FROM DISK = {literal(path)} WITH\n"
        f"    REPLACE,\n    CHECKSUM,\n    STATS = {STATS}"
    )


def file_path(folder: str | None, stem: str, taken: Collection[str]) -> str:
    """A path in the server's own notation that none of `taken` has.

    Files that no backup needs any more are written over, so that nothing has to be deleted on the server. Without a
    folder it is a bare name, which SQL Server looks for in its default folder for backups.
    """
    stem = re.sub(r"[^\w.-]", "_", stem)
    number = 1
    while (path := _joined(folder, f"{stem}-{number}.bak")) in taken:
        number += 1
    return path


def _joined(folder: str | None, name: str) -> str:
    if not folder:
        return name
    return folder.rstrip("\\/") + ("\\" if "\\" in folder else "/") + name
