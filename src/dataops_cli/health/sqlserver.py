"""Whether the warehouse's SQL Server answers the reading login, is online, and has room and a backup."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from dataops_cli.checks import Finding, Result
from dataops_cli.health.check import Subject
from dataops_cli.health.combining import combined
from dataops_cli.settings.certificates import is_development
from dataops_cli.settings.model import Engine, Settings
from dataops_cli.warehouse.sqlserver.connection import Account, Connection, Server
from dataops_cli.warehouse.sqlserver.errors import SqlServerError
from dataops_cli.warehouse.sqlserver.space import PAGE, size_limit

LATE = "It takes connections and does not answer: dataops logs sqlserver"
# Seconds for a login, and for a statement.
PATIENCE = 5
# Milliseconds for `SELECT 1`.
SLOW = 1000.0
# Per cent of what the edition, or the files, may hold.
WARN, FAIL = 80.0, 95.0
# Days since the last backup.
OLD = 8.0
GB = 1024**3

STATUS = "SELECT CAST(DATABASEPROPERTYEX(DB_NAME(), 'Status') AS nvarchar(60))"
# Pages in use, and the most that the files may have: -1 for one that may grow as long as there is disk.
FILES = (
    "SELECT SUM(CAST(FILEPROPERTY(name, 'SpaceUsed') AS bigint)), "
    "CASE WHEN MIN(max_size) = -1 THEN -1 ELSE SUM(CAST(max_size AS bigint)) END "
    "FROM sys.database_files WHERE type = 0"
)
# In full days' worth of minutes by the server's own clock, which the date is of. Type D: a full backup.
BACKUP = "SELECT MAX(backup_finish_date), GETDATE() FROM msdb.dbo.backupset WHERE database_name = DB_NAME() AND type = 'D'"


@dataclass(frozen=True)
class Facts:
    """`milliseconds` are those of `SELECT 1`; `used` and `limit` are bytes, `limit` None without one.

    `backup` is the age of the last full backup; None where there is none. `backup_known` is false where the login
    may not see backups.
    """

    place: str
    milliseconds: float
    status: str
    used: int | None = None
    limit: int | None = None
    backup: timedelta | None = None
    backup_known: bool = False


def look(subject: Subject) -> Finding:
    """Raises SqlServerError where it cannot be asked."""
    settings = subject.environment.settings
    if settings.warehouse.engine is not Engine.SQLSERVER:
        return Finding(Result.SKIPPED, f"the warehouse is {settings.warehouse.engine.value}")
    return decide(facts(settings), development=is_development(subject.environment.name))


def facts(settings: Settings) -> Facts:
    """What the reading login sees."""
    timeouts = {"login_timeout": min(PATIENCE, settings.warehouse.login_timeout), "query_timeout": PATIENCE}
    server = Server(settings.model_copy(update={"warehouse": settings.warehouse.model_copy(update=timeouts)}))
    with server.connect(Account.READER) as connection:
        begun = time.monotonic()
        connection.value("SELECT 1")
        milliseconds = 1000 * (time.monotonic() - begun)
        status = str(connection.value(STATUS))
        used, most = connection.rows(FILES)[0]
        limits = [
            limit
            for limit in (size_limit(connection), None if most in (None, -1) else int(most) * PAGE)
            if limit
        ]
        known, backup = _backup(connection)
        return Facts(
            server.place,
            milliseconds,
            status,
            None if used is None else int(used) * PAGE,
            min(limits, default=None),
            backup,
            known,
        )


def decide(found: Facts, *, development: bool) -> Finding:
    findings = [_answer(found), _space(found), _last_backup(found, development=development)]
    return combined([item for item in findings if item.result is not Result.SKIPPED])


def _answer(found: Facts) -> Finding:
    taken = round(found.milliseconds, 1)
    if found.status.upper() != "ONLINE":
        remedy = "See what SQL Server says of it: dataops logs sqlserver"
        return Finding(Result.FAIL, f"the database is {found.status}", remedy)
    said = f"{found.place} answers in {taken:g} ms, the database is online"
    if found.milliseconds > SLOW:
        return Finding(Result.WARN, f"{said}: slow", "dataops health --check memory", taken, SLOW)
    return Finding(Result.OK, said, "", taken, SLOW)


def _space(found: Facts) -> Finding:
    if found.used is None or found.limit is None:
        return Finding(Result.SKIPPED, "no limit")
    share = round(100 * found.used / found.limit, 1)
    said = f"{found.used / GB:.1f} of {found.limit / GB:.0f} GB are used"
    if share < WARN:
        return Finding(Result.OK, said)
    result, threshold = (Result.FAIL, FAIL) if share >= FAIL else (Result.WARN, WARN)
    remedy = "Keep fewer generations (warehouse.keep_generations), then: dataops prune"
    return Finding(result, said, remedy, share, threshold)


def _last_backup(found: Facts, *, development: bool) -> Finding:
    if not found.backup_known or (found.backup is None and development):
        return Finding(Result.SKIPPED, "not known")
    if found.backup is None:
        return Finding(Result.WARN, "the database was never backed up", "dataops backup create", None, OLD)
    days = round(found.backup / timedelta(days=1), 1)
    said = f"the last backup is {days:g} days old"
    if days > OLD and not development:
        return Finding(Result.WARN, said, "dataops backup create", days, OLD)
    return Finding(Result.OK, said)


def _backup(connection: Connection) -> tuple[bool, timedelta | None]:
    """Whether the login may see backups, and the age of the last one."""
    try:
        last, now = connection.rows(BACKUP)[0]
    except SqlServerError as error:
        if error.lost:
            raise
        return False, None
    return True, now - last if isinstance(last, datetime) else None
