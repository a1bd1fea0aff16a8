"""What a restore says to SQL Server, as text. RESTORE takes no parameters on every version: names are quoted here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dataops_cli.warehouse.sqlserver.names import identifier, literal

# sql_variant is not what every driver reads.
FACTS = (
    "SELECT CAST(SERVERPROPERTY('EngineEdition') AS int), "
    "CAST(SERVERPROPERTY('InstanceDefaultDataPath') AS nvarchar(4000)), "
    "CAST(SERVERPROPERTY('InstanceDefaultLogPath') AS nvarchar(4000))"
)
# How often RESTORE itself reports, in percent; the console asks sys.dm_exec_requests.
STATS = 5


@dataclass(frozen=True)
class BackedUpFile:
    """A line of FILELISTONLY. `kind` is D (data), L (log), S (FILESTREAM or memory-optimised) or F (full text)."""

    name: str
    kind: str
    size: int


@dataclass(frozen=True)
class Move:
    """Where one of the backup's files goes."""

    name: str
    target: str


def state(database: str) -> str:
    return f"SELECT state_desc, user_access_desc FROM sys.databases WHERE name = {literal(database)}"


def tables(database: str) -> str:
    name = identifier(database)
    return f"SELECT s.name, t.name FROM {name}.sys.tables t JOIN {name}.sys.schemas s ON s.schema_id = t.schema_id"


def shows_all(database: str) -> str:
    """1 where the login sees every table, not only those that it has a permission on."""
    return f"SELECT HAS_PERMS_BY_NAME({literal(identifier(database))}, N'DATABASE', N'VIEW DEFINITION')"


def lock(name: str) -> str:
    """Takes a lock for the life of the session; its value is negative where another session has it."""
    return (
        f"DECLARE @result int; EXEC @result = sp_getapplock @Resource = {literal(name)}, "
        "@LockMode = N'Exclusive', @LockOwner = N'Session', @LockTimeout = 0; SELECT @result"
    )


def is_free(name: str) -> str:
    """1 where no other session has the lock."""
    return f"SELECT APPLOCK_TEST(N'public', {literal(name)}, N'Exclusive', N'Session')"


def percent(session: int) -> str:
    return f"SELECT percent_complete FROM sys.dm_exec_requests WHERE session_id = {session:d}"


def file_list(path: str) -> str:
    return f"RESTORE FILELISTONLY FROM DISK = {literal(path)}"


def files_of(rows: Sequence[Sequence[object]]) -> list[BackedUpFile]:
    """The rows of FILELISTONLY. Source: Microsoft, "RESTORE Statements - FILELISTONLY": name, path, type, group, size."""
    return [BackedUpFile(str(row[0]), str(row[2]).strip().upper(), int(str(row[4] or 0))) for row in rows]


def moves(files: Sequence[BackedUpFile], database: str, data_folder: str, log_folder: str) -> list[Move]:
    """A place for every file, named after the database: x.mdf, x_2.ndf, x_log.ldf, x_log_2.ldf and so on."""
    stem = re.sub(r"[^\w.-]", "_", database)
    counts: dict[str, int] = {}
    found = []
    for file in files:
        number = counts[file.kind] = counts.get(file.kind, 0) + 1
        suffix = f"_{number}" if number > 1 else ""
        name = {
            "D": f"{stem}{suffix}.{'ndf' if suffix else 'mdf'}",
            "L": f"{stem}_log{suffix}.ldf",
        }.get(file.kind, f"{stem}_{file.kind.lower()}{suffix}")  # a folder
        found.append(Move(file.name, _joined(log_folder if file.kind == "L" else data_folder, name)))
    return found


def verify(path: str, files: Sequence[Move]) -> str:
    """Reads the whole backup, and asks for the space that it needs, before anything is replaced."""
    return f"RESTORE VERIFYONLY FROM DISK = {literal(path)} WITH\n{_moved(files)}"


def restore(database: str, path: str, files: Sequence[Move], *, replace: bool) -> str:
    more = "    REPLACE,\n" if replace else ""
    return (
        f"RESTORE DATABASE {identifier(database)} FROM DISK = {literal(path)} WITH\n"
        f"{_moved(files)},\n{more}    STATS = {STATS}"
    )


def alone(database: str) -> str:
    """Ends every other session in the database, so that it can be replaced."""
    return f"ALTER DATABASE {identifier(database)} SET SINGLE_USER WITH ROLLBACK IMMEDIATE"


def for_all(database: str) -> str:
    return f"ALTER DATABASE {identifier(database)} SET MULTI_USER"


def drop(database: str) -> str:
    return f"DROP DATABASE {identifier(database)}"


def planned(database: str, path: str, *, force: bool) -> list[str]:
    """The statements as they would be, without asking the server what the backup holds and where files go."""
    files = [
        Move("<data file>", f"<data folder>/{database}.mdf"),
        Move("<log file>", f"<log folder>/{database}_log.ldf"),
    ]
    statements = [file_list(path)]
    if force:
        statements += [verify(path, files), alone(database)]
    return [*statements, restore(database, path, files, replace=force), for_all(database)]


def _moved(files: Sequence[Move]) -> str:
    return ",\n".join(f"    MOVE {literal(file.name)} TO {literal(file.target)}" for file in files)


def _joined(folder: str, name: str) -> str:
    """A path as the server writes it: with backslashes where its folder has them."""
    separator = "\\" if "\\" in folder else "/"
    return folder.rstrip("\\/") + separator + name
