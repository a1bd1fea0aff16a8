"""What a restore says, word by word."""

from __future__ import annotations

import pytest
import sqlglot

from dataops_cli.warehouse.sqlserver import restore_statements as statements
from dataops_cli.warehouse.sqlserver.restore_statements import BackedUpFile, Move

FILES = [
    BackedUpFile("AW_Data", "D", 1),
    BackedUpFile("AW_More", "D", 1),
    BackedUpFile("AW_Log", "L", 1),
    BackedUpFile("AW_Log2", "L", 1),
    BackedUpFile("AW_Memory", "S", 1),
]


def test_a_restore() -> None:
    moves = statements.moves(FILES[:3], "AdventureWorks2014", "/var/opt/mssql/data/", "/var/opt/mssql/log")
    assert statements.restore("AdventureWorks2014", "/b/it's.bak", moves, replace=False) == (
        "RESTORE DATABASE [AdventureWorks2014] FROM DISK = N'/b/it''s.bak' WITH\n"
        "    MOVE N'AW_Data' TO N'/var/opt/mssql/data/AdventureWorks2014.mdf',\n"
        "    MOVE N'AW_More' TO N'/var/opt/mssql/data/AdventureWorks2014_2.ndf',\n"
        "    MOVE N'AW_Log' TO N'/var/opt/mssql/log/AdventureWorks2014_log.ldf',\n"
        "    STATS = 5"
    )


def test_a_replacing_one_with_a_name_that_needs_care() -> None:
    assert statements.restore("a]b", "/x.bak", [Move("d'", "/d/a.mdf")], replace=True) == (
        "RESTORE DATABASE [a]]b] FROM DISK = N'/x.bak' WITH\n"
        "    MOVE N'd''' TO N'/d/a.mdf',\n"
        "    REPLACE,\n"
        "    STATS = 5"
    )
    assert statements.alone("a]b") == "ALTER DATABASE [a]]b] SET SINGLE_USER WITH ROLLBACK IMMEDIATE"
    assert statements.for_all("a]b") == "ALTER DATABASE [a]]b] SET MULTI_USER"
    assert statements.drop("a]b") == "DROP DATABASE [a]]b]"


def test_the_others() -> None:
    assert statements.file_list("/x.bak") == "RESTORE FILELISTONLY FROM DISK = N'/x.bak'"
    assert statements.verify("/x.bak", [Move("d", "/d/a.mdf")]) == (
        "RESTORE VERIFYONLY FROM DISK = N'/x.bak' WITH\n    MOVE N'd' TO N'/d/a.mdf'"
    )


def test_who_sees_all() -> None:
    assert statements.shows_all("it's [one]") == (
        "SELECT HAS_PERMS_BY_NAME(N'[it''s [one]]]', N'DATABASE', N'VIEW DEFINITION')"
    )


def test_every_file_has_a_place_of_its_own_on_windows_too() -> None:
    moves = statements.moves(FILES, "my db/1", "C:\\Program Files\\SQL\\DATA\\", "D:\\Logs")
    assert [move.target for move in moves] == [
        "C:\\Program Files\\SQL\\DATA\\my_db_1.mdf",
        "C:\\Program Files\\SQL\\DATA\\my_db_1_2.ndf",
        "D:\\Logs\\my_db_1_log.ldf",
        "D:\\Logs\\my_db_1_log_2.ldf",
        "C:\\Program Files\\SQL\\DATA\\my_db_1_s",
    ]


def test_rows_of_the_file_list() -> None:
    rows = [
        ("Data", r"C:\x.mdf", "D", "PRIMARY", 215089152, 35184372080640, 1),
        ("Log", "x", "L", None, None),
    ]
    assert statements.files_of(rows) == [BackedUpFile("Data", "D", 215089152), BackedUpFile("Log", "L", 0)]


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        (statements.FACTS, "Select"),
        (statements.state("it's"), "Select"),
        (statements.tables("a]b"), "Select"),
        (statements.shows_all("a]b"), "Select"),
        (statements.is_free("it's"), "Select"),
        (statements.percent(55), "Select"),
        (statements.alone("x"), "Alter"),
        (statements.for_all("x"), "Alter"),
        (statements.drop("x"), "Drop"),
    ],
)
def test_it_is_t_sql_as_far_as_sqlglot_knows_it(sql: str, kind: str) -> None:
    parsed = sqlglot.parse_one(sql, read="tsql", error_level=sqlglot.ErrorLevel.RAISE)
    assert type(parsed).__name__ in (kind, "Command")


def test_restore_is_a_command_for_sqlglot() -> None:
    sql = statements.restore("x", "/it's.bak", [Move("d", "/d")], replace=True)
    assert [token.text for token in sqlglot.tokenize(sql, read="tsql")][:3] == ["RESTORE", "DATABASE", "x"]
