"""The stand-in itself: what tests on it rely on holds. Nothing here says anything about SQL Server."""

from __future__ import annotations

import datetime
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from support import absent
from tsql_server import Running, running

pyodbc = pytest.importorskip("pyodbc")
pytestmark = pytest.mark.engine

DATABASE = "Trial"
Connect = Callable[..., Any]
GET_LOCK = (
    "DECLARE @result int; EXEC @result = sp_getapplock @Resource = N'{name}', @LockMode = N'Exclusive', "
    "@LockOwner = N'Session', @LockTimeout = {milliseconds}; SELECT @result"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    found = subprocess.run(
        ["docker", "image", "inspect", "dataops-test/postgres:15"], capture_output=True, check=False
    )
    if found.returncode:
        absent("PostgreSQL's image", "there is no image dataops-test/postgres:15")
    pyodbc.pooling = False
    with running() as made:
        connection = pyodbc.connect(made.connection_string(), autocommit=True)
        connection.execute(f"CREATE DATABASE [{DATABASE}]")
        connection.close()
        yield made


@pytest.fixture
def connect(server: Running) -> Iterator[Connect]:
    opened = []

    def open_one(
        user: str = "", password: str = "", database: str = DATABASE, autocommit: bool = True
    ) -> Any:
        text = server.connection_string(database, user, password)
        opened.append(pyodbc.connect(text, autocommit=autocommit))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def table(connect: Connect) -> Iterator[Any]:
    """A connection, and a table t of two rows."""
    connection = connect()
    connection.execute(
        "DROP VIEW IF EXISTS dbo.v; DROP TABLE IF EXISTS dbo.t, dbo.t_next, dbo.t_old; "
        "CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL); "
        "INSERT INTO dbo.t (id, name) VALUES (1, N'one'), (2, N'two')"
    )
    yield connection
    connection.execute("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION")


def number(error: pytest.ExceptionInfo[Any]) -> int:
    """SQL Server's number, which the driver writes in parentheses."""
    text = str(error.value.args[1])
    return int(text[text.rindex("(", 0, text.rindex(" (")) + 1 : text.rindex(")", 0, text.rindex(" ("))])


def refused(connection: Any, sql: str, *parameters: Any) -> int:
    def run_all() -> None:
        cursor = connection.execute(sql, *parameters)
        while cursor.nextset():
            pass

    with pytest.raises(pyodbc.Error) as error:
        run_all()
    return number(error)


# --- values ---


def test_values_come_back_with_their_types(connect: Connect) -> None:
    row = (
        connect()
        .execute(
            "SELECT CAST(1 AS bit), CAST(255 AS tinyint), CAST(9000000000 AS bigint), CAST(N'-12.345600' AS decimal(38, 6)), "
            "CAST(1.5 AS money), CAST(0.1 AS float), CAST('2014-06-30' AS date), CAST('2014-06-30T01:02:03.123' AS datetime), "
            "N'Zoë 🚲', CAST(NULL AS int), 7 / 2, -7 % 3, N'a' + N'b'"
        )
        .fetchone()
    )
    assert tuple(row) == (
        True, 255, 9_000_000_000, Decimal("-12.345600"), Decimal("1.5000"), 0.1, datetime.date(2014, 6, 30),
        datetime.datetime(2014, 6, 30, 1, 2, 3, 123000), "Zoë 🚲", None, 3, -1, "ab",
    )  # fmt: skip
    assert [type(value) for value in row[:5]] == [bool, int, int, Decimal, Decimal]


@pytest.mark.parametrize(
    "value",
    [
        0, -1, 2**40, True, 1.25, Decimal("12345678901234567890.123456"), Decimal("-0.0001"), "Zoë", "x" * 5000, "", b"\0\1",
        datetime.date(1753, 1, 1), datetime.datetime(2026, 2, 28, 23, 59, 59, 123456), datetime.time(12, 30, 1), None,
    ],
)  # fmt: skip
def test_parameters_come_back_as_they_went(connect: Connect, value: Any) -> None:
    assert connect().execute("SELECT ?", value).fetchone()[0] == value


def test_arrays_of_parameters(table: Any) -> None:
    table.execute(
        "DROP TABLE IF EXISTS dbo.many; CREATE TABLE dbo.many (id int NOT NULL PRIMARY KEY, name nvarchar(10) NULL, amount decimal(38, 6), at datetime, flag bit)"
    )
    rows = [
        (
            at,
            None if at % 3 else f"ü{at}",
            Decimal(at) / 8,
            datetime.datetime(2014, 1, 1) + datetime.timedelta(hours=at),
            at % 2,
        )
        for at in range(2500)
    ]
    cursor = table.cursor()
    cursor.fast_executemany = True
    cursor.executemany("INSERT INTO dbo.many (id, name, amount, at, flag) VALUES (?, ?, ?, ?, ?)", rows)
    assert [tuple(row) for row in table.execute("SELECT * FROM dbo.many ORDER BY id").fetchall()] == rows


def test_a_bad_row_of_an_array_is_told(table: Any) -> None:
    cursor = table.cursor()
    cursor.fast_executemany = True
    with pytest.raises(pyodbc.IntegrityError) as error:
        cursor.executemany(
            "INSERT INTO dbo.t (id, name) VALUES (?, ?)", [(3, "three"), (1, "again"), (4, "four")]
        )
    assert number(error) == 2627


# --- errors ---


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT * FROM dbo.nothing", 208),
        ("SELECT nothing FROM dbo.t", 207),
        ("SELECT True AS flag FROM dbo.t", 207),
        ("SELECT FROM WHERE", 102),
        ("SELECT 1 / 0", 8134),
        ("SELECT CAST(N'x' AS int)", 245),
        ("INSERT INTO dbo.t (id) VALUES (1)", 2627),
        ("INSERT INTO dbo.t (id) VALUES (NULL)", 515),
        ("CREATE TABLE dbo.t (id int)", 2714),
        ("DROP TABLE dbo.nothing", 3701),
        ("EXEC sp_rename N'dbo.nothing', N'x', N'OBJECT'", 15225),
        ("EXEC nothing", 2812),
        ("SELECT @nothing", 137),
        ("USE nothing", 911),
        ("COMMIT", 3902),
        ("THROW 50123, N'mine', 1", 50123),
    ],
)
def test_errors_have_their_numbers(table: Any, sql: str, wanted: int) -> None:
    assert refused(table, sql) == wanted


def test_try_catch(table: Any) -> None:
    row = table.execute(
        "BEGIN TRY SELECT 1 / 0 END TRY BEGIN CATCH SELECT ERROR_NUMBER(), ERROR_MESSAGE() END CATCH"
    ).fetchone()
    assert tuple(row) == (8134, "Divide by zero error encountered.")


def test_an_error_ends_a_transaction_only_with_xact_abort(table: Any) -> None:
    table.execute("SET XACT_ABORT OFF; BEGIN TRANSACTION; INSERT INTO dbo.t (id) VALUES (3)")
    assert refused(table, "INSERT INTO dbo.t (id) VALUES (1)") == 2627
    assert table.execute("SELECT @@TRANCOUNT").fetchval() == 1
    table.execute(
        "COMMIT TRANSACTION; SET XACT_ABORT ON; BEGIN TRANSACTION; INSERT INTO dbo.t (id) VALUES (4)"
    )
    assert refused(table, "INSERT INTO dbo.t (id) VALUES (1)") == 2627
    assert table.execute("SELECT @@TRANCOUNT").fetchval() == 0
    assert table.execute("SELECT COUNT(*) FROM dbo.t").fetchval() == 3


# --- transactions and locks ---


def test_a_switch_of_tables_is_seen_at_once(table: Any, connect: Connect) -> None:
    """Renames in a transaction: whoever reads meanwhile waits, and then sees the new table."""
    table.execute("CREATE TABLE dbo.t_next (id int NOT NULL, name nvarchar(20) NULL)")
    table.execute("INSERT INTO dbo.t_next (id) VALUES (10)")
    reader, seen = connect(), []
    table.execute("BEGIN TRANSACTION")
    table.execute("EXEC sp_rename N'dbo.t', N't_old', N'OBJECT'")
    table.execute("EXEC sp_rename N'dbo.t_next', N't', N'OBJECT'")
    thread = threading.Thread(
        target=lambda: seen.append(reader.execute("SELECT MAX(id) FROM dbo.t").fetchval())
    )
    thread.start()
    thread.join(0.5)
    assert not seen
    table.execute("COMMIT TRANSACTION")
    thread.join(60)
    assert seen == [10]


def test_renames_are_rolled_back(table: Any) -> None:
    table.execute("BEGIN TRANSACTION; EXEC sp_rename 'dbo.t', 't_old'; ROLLBACK TRANSACTION")
    assert table.execute("SELECT COUNT(*) FROM dbo.t").fetchval() == 2
    table.execute("CREATE TABLE dbo.t_old (id int)")
    assert refused(table, "EXEC sp_rename 'dbo.t', 't_old'") == 15335


def test_a_view_is_bound_by_name(table: Any) -> None:
    """It survives the drop of its table, fails while there is none, and reads the next of that name."""
    table.execute("CREATE VIEW dbo.v AS SELECT id FROM dbo.t")
    table.execute("EXEC sp_rename 'dbo.t', 't_old'")
    assert refused(table, "SELECT * FROM dbo.v") in (208, 4413)
    table.execute("CREATE TABLE dbo.t (id int NOT NULL); INSERT INTO dbo.t VALUES (7); DROP TABLE dbo.t_old")
    assert table.execute("SELECT id FROM dbo.v").fetchval() == 7
    definition = table.execute("SELECT OBJECT_DEFINITION(OBJECT_ID(N'[dbo].[v]', N'V'))").fetchval()
    assert definition == "CREATE VIEW dbo.v AS SELECT id FROM dbo.t"


def test_a_lock_is_not_waited_for_longer_than_said(table: Any, connect: Connect) -> None:
    table.execute("BEGIN TRANSACTION; EXEC sp_rename 'dbo.t', 't_old'")
    other = connect()
    other.execute("SET LOCK_TIMEOUT 200")
    assert refused(other, "SELECT COUNT(*) FROM dbo.t") == 1222


def test_a_deadlock_has_one_victim(table: Any, connect: Connect) -> None:
    other = connect()
    outcomes: list[int] = []

    def update(connection: Any, row: int) -> None:
        try:
            connection.execute("UPDATE dbo.t SET name = N'x' WHERE id = ?", row)
            outcomes.append(0)
        except pyodbc.Error as error:
            outcomes.append(1205 if "(1205)" in str(error) else -1)

    for connection, row in ((table, 1), (other, 2)):
        connection.execute("BEGIN TRANSACTION")
        connection.execute("UPDATE dbo.t SET name = N'x' WHERE id = ?", row)
    threads = [threading.Thread(target=update, args=pair) for pair in ((table, 2), (other, 1))]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == [0, 1205]


def test_an_application_lock_is_held_by_one(connect: Connect) -> None:
    first, second = connect(), connect()
    lock = GET_LOCK.format(name="one", milliseconds=100)
    assert first.execute(lock).fetchval() == 0
    assert second.execute(lock).fetchval() == -1
    assert second.execute("SELECT APPLOCK_TEST(N'public', N'one', N'Exclusive', N'Session')").fetchval() == 0
    assert first.execute("SELECT APPLOCK_MODE(N'public', N'one', N'Session')").fetchval() == "Exclusive"
    first.execute("EXEC sp_releaseapplock @Resource = N'one', @LockOwner = N'Session'")
    assert second.execute(lock).fetchval() == 0


def test_a_killed_client_leaves_neither_lock_nor_change(server: Running, table: Any) -> None:
    program = (
        "import pyodbc, time; c = pyodbc.connect(input(), autocommit=True); "
        f"print(c.execute({GET_LOCK.format(name='killed', milliseconds=0)!r}).fetchval()); "
        "c.execute('BEGIN TRANSACTION; DELETE FROM dbo.t'); print('in', flush=True); time.sleep(60)"
    )
    client = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert client.stdin
    assert client.stdout
    client.stdin.write(server.connection_string(DATABASE) + "\n")
    client.stdin.flush()
    assert [client.stdout.readline().strip() for _ in range(2)] == ["0", "in"]
    assert table.execute(GET_LOCK.format(name="killed", milliseconds=0)).fetchval() == -1
    os.kill(client.pid, signal.SIGKILL)
    client.wait()
    client.stdin.close()
    client.stdout.close()
    assert table.execute(GET_LOCK.format(name="killed", milliseconds=60_000)).fetchval() in (0, 1)
    table.execute("SET LOCK_TIMEOUT 20000")
    assert table.execute("UPDATE dbo.t SET name = N'still'").rowcount == 2


def test_a_query_can_be_cancelled(connect: Connect) -> None:
    connection = connect()
    connection.timeout = 1
    began = time.monotonic()
    with pytest.raises(pyodbc.OperationalError, match="HYT00"):
        connection.execute("WAITFOR DELAY '00:02:00'")
    assert time.monotonic() - began < 60
    assert connection.execute("SELECT 1").fetchval() == 1


def test_without_autocommit(table: Any, connect: Connect) -> None:
    other = connect(autocommit=False)
    other.execute("INSERT INTO dbo.t (id) VALUES (5)")
    assert table.execute("SELECT COUNT(*) FROM dbo.t").fetchval() == 2
    other.commit()
    assert table.execute("SELECT COUNT(*) FROM dbo.t").fetchval() == 3
    other.execute("DELETE FROM dbo.t")
    other.rollback()
    assert table.execute("SELECT COUNT(*) FROM dbo.t").fetchval() == 3


# --- logins and permissions ---


def test_logins(connect: Connect) -> None:
    admin = connect()
    admin.execute("IF SUSER_ID(N'guest1') IS NULL CREATE LOGIN [guest1] WITH PASSWORD = N'Guest-1234'")
    for user, password, database, wanted in (
        ("sa", "wrong", DATABASE, 18456),
        ("nobody", "wrong", DATABASE, 18456),
        ("guest1", "Guest-1234", DATABASE, 4060),
        ("guest1", "Guest-1234", "nothing", 4060),
    ):
        with pytest.raises(pyodbc.Error) as error:
            connect(user, password, database)
        assert f"({wanted})" in str(error.value)
    assert connect("guest1", "Guest-1234", "master").execute("SELECT SUSER_SNAME()").fetchval() == "guest1"


def test_permissions(table: Any, connect: Connect) -> None:
    table.execute(
        "IF SUSER_ID(N'reader') IS NULL CREATE LOGIN [reader] WITH PASSWORD = N'Reader-1234'; "
        "IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'reader') CREATE USER [reader] FOR LOGIN [reader]; "
        "IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'readers') CREATE ROLE [readers]; "
        "ALTER ROLE [readers] ADD MEMBER [reader]"
    )
    reader = connect("reader", "Reader-1234")
    assert refused(reader, "SELECT * FROM dbo.t") == 229
    table.execute("GRANT SELECT ON [dbo].[t] TO [readers]")
    assert len(reader.execute("SELECT * FROM dbo.t").fetchall()) == 2
    assert refused(reader, "DELETE FROM dbo.t") == 229
    assert refused(reader, "CREATE TABLE dbo.mine (id int)") == 262
    # The permission is the object's: it goes with it when it is renamed.
    table.execute("EXEC sp_rename 'dbo.t', 't_old'; CREATE TABLE dbo.t (id int)")
    assert len(reader.execute("SELECT * FROM dbo.t_old").fetchall()) == 2
    assert refused(reader, "SELECT * FROM dbo.t") == 229
    table.execute("REVOKE SELECT ON [dbo].[t_old] FROM [readers]")
    assert refused(reader, "SELECT * FROM dbo.t_old") == 229


def test_an_owner_of_a_schema_builds_in_it(table: Any, connect: Connect) -> None:
    table.execute(
        "IF SUSER_ID(N'builder') IS NULL CREATE LOGIN [builder] WITH PASSWORD = N'Builder-1234'; "
        "IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'builder') CREATE USER [builder] FOR LOGIN [builder]; "
        "GRANT CREATE TABLE TO [builder]; GRANT CREATE VIEW TO [builder]; "
        "IF NOT EXISTS (SELECT 1 FROM sys.schemas WHERE name = N'built') EXEC(N'CREATE SCHEMA [built] AUTHORIZATION [builder]')"
    )
    builder = connect("builder", "Builder-1234")
    builder.execute("CREATE TABLE built.a (id int); EXEC sp_rename 'built.a', 'b'")
    builder.execute("CREATE VIEW built.w AS SELECT * FROM built.b")
    assert builder.execute("SELECT COUNT(*) FROM built.w").fetchval() == 0
    assert refused(builder, "CREATE TABLE dbo.c (id int)") in (262, 2760)
    assert refused(builder, "DROP TABLE dbo.t") == 3701
    builder.execute("DROP VIEW built.w; DROP TABLE built.b")


def test_a_user_whose_login_is_gone_and_another_owner(table: Any, connect: Connect) -> None:
    table.execute("CREATE LOGIN [first] WITH PASSWORD = N'First-1234'; CREATE USER [first] FOR LOGIN [first]")
    table.execute(
        "CREATE LOGIN [second] WITH PASSWORD = N'Second-1234'; CREATE USER [second] FOR LOGIN [second]"
    )
    table.execute("CREATE ROLE [theirs] AUTHORIZATION [first]; GRANT SELECT ON dbo.t TO [first]")
    table.execute("EXEC(N'CREATE SCHEMA [moved] AUTHORIZATION [first]')")
    table.execute("CREATE TABLE moved.a (id int); GRANT SELECT ON moved.a TO [second]")
    # Another login of the same name: nobody in the database knows it.
    table.execute("DROP LOGIN [first]; CREATE LOGIN [first] WITH PASSWORD = N'First-1234'")
    with pytest.raises(pyodbc.Error, match="4060"):
        connect("first", "First-1234")
    table.execute("ALTER USER [first] WITH LOGIN = [first]")
    first = connect("first", "First-1234")
    assert len(first.execute("SELECT * FROM dbo.t").fetchall()) == 2
    assert first.execute("SELECT COUNT(*) FROM moved.a").fetchval() == 0
    owner = "SELECT USER_NAME(owning_principal_id) FROM sys.database_principals WHERE name = N'theirs'"
    assert table.execute(owner).fetchval() == "first"
    table.execute("ALTER AUTHORIZATION ON ROLE::[theirs] TO [second]")
    assert table.execute(owner).fetchval() == "second"
    # With its schema's owner a table loses what was granted on it.
    table.execute("GRANT SELECT ON moved.a TO [theirs]; ALTER ROLE [theirs] ADD MEMBER [first]")
    table.execute("ALTER AUTHORIZATION ON SCHEMA::[moved] TO [second]")
    assert refused(first, "SELECT * FROM moved.a") == 229
    connect("second", "Second-1234").execute("DROP TABLE moved.a")
