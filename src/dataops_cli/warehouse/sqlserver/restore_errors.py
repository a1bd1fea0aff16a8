"""Why SQL Server restores no backup, and what to do about it. Numbers are those of sys.messages."""

from __future__ import annotations

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.warehouse.sqlserver.errors import SqlServerError

NOT_A_BACKUP = frozenset({3241, 3242, 3243})
DAMAGED = frozenset({3183, 3189, 3203, 3266, 3270, 3271, 3250, 3447, 823, 824})
NEWER = frozenset({3169, 1813, 948})
NOT_FULL = frozenset({3118, 3136, 3135, 4305, 3117})
IN_USE = frozenset({3101, 3702, 5061, 5064, 5070})
NO_SPACE = frozenset({3257, 3202, 1101, 1105, 9002})
NO_PLACE = frozenset({3119, 3156, 5105, 5123, 5133, 3634})
FILE_TAKEN = frozenset({1834, 3176})
NOT_ALLOWED = frozenset({262, 3110, 300, 916, 15247})


def refused(error: SqlServerError, database: str, path: str) -> DataopsError:
    """The error with a remedy for restoring `path`; one that is not about restoring stays as it is."""
    number, message = error.number, error.reason.removeprefix("SQL Server: ")
    lowered = message.lower()
    code = ExitCode.FAILED
    # Windows' number also on Linux, where SQL Server translates.
    if number in NO_SPACE or "system error 112" in lowered or "not enough space" in lowered:
        reason = f"The server has too little space for {database}: {message}"
        hint = "Free some on its disk, then run the command again: docker system df, df -h"
        code = ExitCode.UNAVAILABLE
    elif number == 1827:
        reason = f"{database} is larger than this edition of SQL Server holds: {message}"
        hint = "Use an edition without the limit: the variable MSSQL_PID of the service sqlserver."
        code = ExitCode.UNAVAILABLE
    elif number in NOT_A_BACKUP:
        reason = f"{path} is no backup that SQL Server reads: {message}"
        hint = (
            "It may be cut short, or a web page that was saved under its name. "
            "Compare its checksum, or download it again."
        )
    elif number in NEWER:
        reason = f"The backup is of a newer SQL Server than this one: {message}"
        hint = "Restore one that is as old as the server or older, such as AdventureWorks2014.bak, or upgrade the server."
    elif number == 3201:
        reason = f"SQL Server cannot open {path}: {message}"
        hint = "The path is the server's own, and its user (in the container mssql, 10001) must be able to read it."
        code = ExitCode.UNAVAILABLE
    elif number in NOT_FULL:
        reason = f"The backup is not a full one: {message}"
        hint = "Restore a full backup: BACKUP DATABASE without DIFFERENTIAL."
    elif number == 3219:
        reason = f"The backup does not hold what is to be restored: {message}"
        hint = "Restore a full backup of one database."
    elif number == 33111:
        reason = f"The backup is encrypted, and the server has not got its certificate: {message}"
        hint = "Restore the certificate on the server first: CREATE CERTIFICATE … FROM FILE"
    elif number in DAMAGED:
        reason = f"The backup is damaged: {message}"
        hint = "Download it again: remove it from .dataops/downloads first; or take another backup."
    elif number in IN_USE:
        reason = f"{database} is in use: {message}"
        hint = (
            "End what uses it (CloudBeaver and SSMS connect again by themselves), then run the command again."
        )
        code = ExitCode.LOCKED
    elif number in FILE_TAKEN:
        reason = f"A file of {database} would replace that of another database: {message}"
        hint = "Give the source another name: warehouse.source_database"
        code = ExitCode.REFUSED
    elif number in NO_PLACE:
        reason = f"SQL Server cannot make the files of {database}: {message}"
        hint = "Its default folders for data and log must be there and its own: SERVERPROPERTY('InstanceDefaultDataPath')"
        code = ExitCode.UNAVAILABLE
    elif number in NOT_ALLOWED:
        reason = f"The login may not restore databases: {message}"
        hint = "Use one with the server role dbcreator or sysadmin: warehouse.admin_user"
    else:
        return error
    return DataopsError(reason, hint=hint, exit_code=code)
