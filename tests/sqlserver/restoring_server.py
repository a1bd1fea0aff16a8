"""A SQL Server as far as a restore sees it, in place of `pyodbc.connect`.

It keeps databases with their states, answers what is asked of it, and fails with the driver's own texts.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any

import pyodbc

DRIVER = "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"
BACKUP = [
    ("AdventureWorks2014_Data", r"C:\SQL\AW_Data.mdf", "D", "PRIMARY", 215089152),
    ("AdventureWorks2014_Log", r"C:\SQL\AW_Log.ldf", "L", None, 18874368),
]


def failure(number: int, text: str, ended: str = "RESTORE DATABASE", state: str = "42000") -> pyodbc.Error:
    """As pyodbc raises it: the messages in a row, the last one of the statement that they ended."""
    return pyodbc.ProgrammingError(
        state,
        f"[{state}] {DRIVER}{text} ({number}) (SQLExecDirectW); "
        f"[{state}] {DRIVER}{ended} is terminating abnormally. (3013)",
    )


@dataclass
class Database:
    state: str = "ONLINE"
    access: str = "MULTI_USER"
    tables: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class RestoringServer:
    """`failures` maps the beginning of a statement to what it raises; `leaves` is what a failed restore leaves."""

    restores: list[tuple[str, str]]
    databases: dict[str, Database] = field(default_factory=dict)
    edition: int = 4
    version: int = 16
    shows_all: int = 1
    folders: tuple[str, str] = ("/var/opt/mssql/data/", "/var/opt/mssql/log/")
    files: list[tuple[Any, ...]] = field(default_factory=lambda: list(BACKUP))
    failures: dict[str, pyodbc.Error] = field(default_factory=dict)
    leaves: str = "RESTORING"
    taken: set[str] = field(default_factory=set)
    hang: bool = False
    percents: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    on_percent: Any = None

    def connect(self, text: str, **_options: object) -> Raw:
        database = re.search(r"DATABASE=([^;]*)", text)[1].strip("{}")
        self.connections.append(database)
        if database != "master" and database not in self.databases:
            raise pyodbc.ProgrammingError(
                "42000",
                f'[42000] {DRIVER}Cannot open database "{database}" requested by the login. The login failed. '
                "(4060) (SQLDriverConnect)",
            )
        return Raw(self)

    @property
    def changes(self) -> list[str]:
        """What was said, without what only asks."""
        return [sql for sql in self.said if not sql.startswith(("SELECT", "SET", "DECLARE"))]

    def answer(self, sql: str) -> list[tuple[Any, ...]]:
        self.said.append(sql)
        for begin, error in self.failures.items():
            if sql.startswith(begin):
                if begin == "RESTORE DATABASE":
                    self.databases[self._named(sql)] = Database(self.leaves)
                raise error
        texts = [
            text for text in re.findall(r"N'([^']*)'", sql) if text not in ("public", "Exclusive", "Session")
        ]
        quoted = texts[0] if texts else ""
        if "ProductMajorVersion" in sql:
            return [(self.edition, self.version)]
        if "EngineEdition" in sql:
            return [(self.edition, *self.folders)]
        if "sp_getapplock" in sql:
            return [(-1 if quoted in self.taken else 0,)]
        if "APPLOCK_TEST" in sql:
            return [(0 if quoted in self.taken else 1,)]
        if "sys.databases" in sql:
            found = self.databases.get(quoted)
            return [(found.state, found.access)] if found else []
        if "sys.tables" in sql:
            return list(self.databases[self._named(sql)].tables)
        if "HAS_PERMS_BY_NAME" in sql:
            return [(self.shows_all,)]
        if "@@SPID" in sql:
            return [(55,)]
        if "percent_complete" in sql:
            if self.on_percent:
                self.on_percent()
            return [(self.percents.pop(0),)] if self.percents else []
        if sql.startswith("RESTORE FILELISTONLY"):
            return self.files
        self._change(sql)
        return []

    def _change(self, sql: str) -> None:
        for statement in sql.split(";\n"):
            if "SET SINGLE_USER" in statement:
                self.databases[self._named(statement)].access = "SINGLE_USER"
            elif "SET MULTI_USER" in statement:
                self.databases[self._named(statement)].access = "MULTI_USER"
            elif statement.startswith("DROP DATABASE"):
                del self.databases[self._named(statement)]
            elif statement.startswith("RESTORE DATABASE"):
                self._restore(self._named(statement), "REPLACE" in statement)

    def _restore(self, name: str, replace: bool) -> None:
        assert replace == (name in self.databases)
        if self.hang:
            self.databases[name] = Database("RESTORING")
            assert self.cancelled.wait(120)
            raise pyodbc.OperationalError(
                "HY008",
                "[HY008] [Microsoft][ODBC Driver 18 for SQL Server]Operation canceled (0) (SQLExecDirectW)",
            )
        while self.percents:  # until all were looked at
            threading.Event().wait(0.01)
        self.databases[name] = Database(tables=list(self.restores))

    @staticmethod
    def _named(sql: str) -> str:
        return re.search(r"\[((?:[^\]]|\]\])*)\]", sql)[1].replace("]]", "]")


class Raw:
    """A pyodbc.Connection."""

    def __init__(self, server: RestoringServer) -> None:
        self.server = server
        self.timeout = 7
        self.cursors: list[Cursor] = []

    def cursor(self) -> Cursor:
        self.cursors.append(Cursor(self.server))
        return self.cursors[-1]

    def close(self) -> None:
        assert not any(cursor.asks for cursor in self.cursors), "closed while a call runs"


class Cursor:
    """A pyodbc.Cursor. A restore has messages, each a result that must be read to its end."""

    def __init__(self, server: RestoringServer) -> None:
        self.server = server
        self.description: object = None
        self.left = 0
        self.asks = False

    def execute(self, sql: str) -> None:
        self.asks = True
        try:
            self.rows = self.server.answer(sql)
        finally:
            self.asks = False
        self.description = True if sql.startswith(("SELECT", "DECLARE", "RESTORE FILELISTONLY")) else None
        self.left = 3 if sql.startswith("RESTORE DATABASE") else 0

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.rows

    def nextset(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def cancel(self) -> None:
        self.server.cancelled.set()

    def close(self) -> None:
        assert self.left <= 0, "closed in the middle of a restore"
