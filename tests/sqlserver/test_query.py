"""`dataops sql` on SQL Server, through Microsoft's driver, against a server that says what the test wants."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sqlserver import scripted
from sqlserver.scripted import Kind, Reply, ScriptedServer, done, endless_result, refusal, result
from support import Dataops, clean_environment
from tsql_server import tokens

NUMBERS = [("n", scripted.INT)]
BEGIN, ROLL_BACK = "IF @@TRANCOUNT = 0 BEGIN TRANSACTION", "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION"
DENIED = (
    "The SELECT permission was denied on the object 'brnz_products', database 'dataops', schema 'bronze'."
)


def numbers(count: int, *, more: bool = False) -> bytes:
    return result(NUMBERS, [[value] for value in range(count)], more=more)


def affected(rows: int, *, more: bool = False) -> bytes:
    return done(rows, command=tokens.UPDATE, more=more)


def values() -> bytes:
    at = datetime(2014, 7, 1, 1, 2, 3)
    there = at.replace(tzinfo=timezone(timedelta(hours=-7)))
    cells: list[tuple[str, Kind, Any]] = [
        ("money", scripted.DECIMAL_18_6, Decimal("12.34")),
        ("zero", scripted.DECIMAL_18_6, Decimal(0)),
        ("day", scripted.DATE, at.date()),
        ("at", scripted.DATETIME2, at),
        ("there", scripted.DATETIMEOFFSET, there),
        ("id", scripted.UNIQUEIDENTIFIER, uuid.UUID(bytes=bytes(range(16)))),
        ("raw", scripted.VARBINARY, b"\x00\xff"),
        ("yes", scripted.BIT, True),
        ("text", scripted.NVARCHAR, 'a "b", ü'),
        ("nothing", scripted.INT, None),
    ]
    return result([(name, kind) for name, kind, _ in cells], [[value for _, _, value in cells]])


ANSWERS = {
    "five": numbers(5),
    "several": tokens.info(0, "[b] is what comes")
    + done(more=True)
    + numbers(2, more=True)
    + affected(3, more=True)
    + affected(1, more=True)
    + result([("t", scripted.NVARCHAR)], [["x"]]),
    "several; long": numbers(500, more=True) + numbers(2),
    "twice": result([("n", scripted.INT), ("n", scripted.INT)], [[1, 2]]),
    "nameless": result([("", scripted.INT), ("", scripted.INT)], [[1, 2]]),
    "update": affected(2),
    "nothing": done(),
    "empty": numbers(0),
    "values": values(),
    "unknown": refusal(208, "Invalid object name 'gold.nothing'."),
    "denied": refusal(229, DENIED, 14),
    "late": numbers(1, more=True) + refusal(8134, "Divide by zero error encountered."),
}


def answer(text: str) -> Reply:
    first = text.strip().split("\n")[0].rstrip(";")
    if first in ANSWERS:
        return Reply(ANSWERS[first])
    if first == "select endless":
        return endless_result(NUMBERS, [7])
    if first in ("silent", "deaf"):
        return Reply(silent=first == "silent", deaf=first == "deaf")
    return Reply(refusal(102, f"Incorrect syntax near '{first}'."))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(answer) as running:
        yield running


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path]) -> Path:
    folder = new_platform(tmp_path_factory.mktemp("sql") / "platform")
    (folder / "environments" / "dev-sql.toml").write_text(
        '[warehouse]\nengine = "sqlserver"\nserver = "127.0.0.1"\ntrust_server_certificate = true\n'
    )
    return folder


def variables(server: ScriptedServer) -> dict[str, str]:
    return {
        "DATAOPS_ENV": "dev-sql",
        "DATAOPS_WAREHOUSE__PORT": str(server.port),
        "DATAOPS_WAREHOUSE__PASSWORD": "Build-1",
        "DATAOPS_WAREHOUSE__READER_PASSWORD": "Reader;{1}",
    }


Sql = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def sql(server: ScriptedServer, platform: Path, dataops_here: Dataops) -> Sql:
    def run(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        return dataops_here("sql", *arguments, cwd=platform, **{**variables(server), **more})

    return run


def asked(server: ScriptedServer) -> list[str]:
    return [text for text in server.batches if not text.startswith("SET ")]


def test_reading_is_by_the_reader_and_rolled_back(sql: Sql, server: ScriptedServer) -> None:
    done = sql("five\nGO\nupdate", "--csv")
    assert (done.returncode, done.stdout) == (0, "n\n0\n1\n2\n3\n4\n"), done.stderr
    (login,) = server.logins
    assert (login.user, login.password) == ("dataops_reader", "Reader;{1}")
    assert (login.database, login.program) == ("dataops", "dataops")
    assert [text.strip() for text in asked(server)] == [BEGIN, "five", BEGIN, "update", ROLL_BACK]


def test_writing_is_by_the_building_login_and_stays(sql: Sql, server: ScriptedServer) -> None:
    done = sql("update", "--write")
    assert (done.returncode, done.stdout) == (0, "")
    assert "2 rows affected" in done.stderr
    assert [(login.user, login.password) for login in server.logins] == [("dataops_dbt", "Build-1")]
    assert asked(server) == ["update"]


def test_every_result_is_shown_and_every_message_told(sql: Sql) -> None:
    done = sql("several")
    assert done.returncode == 0
    assert [line.strip() for line in done.stdout.splitlines() if "─" not in line] == ["n", "0", "1", "t", "x"]
    assert done.stderr.splitlines() == ["[b] is what comes", "3 rows affected", "1 row affected"]
    assert sql("several", "--csv", "--quiet").stderr == ""


def test_the_limit_takes_no_more_than_it_needs(sql: Sql, server: ScriptedServer) -> None:
    done = sql("select endless", "--limit", 3, "--csv")
    assert done.stdout == "n\n7\n7\n7\n"
    assert done.stderr == "… more rows: the first 3 are shown, --limit shows more\n"
    assert server.cancelled == 1
    assert asked(server)[-1] == ROLL_BACK
    assert "more rows" not in sql("five", "--limit", 5).stderr


@pytest.mark.parametrize("options", [[], ["--write"]])
def test_what_follows_a_long_result_is_shown(sql: Sql, server: ScriptedServer, options: list[str]) -> None:
    done = sql("several; long", "--limit", 2, "--csv", *options)
    assert done.stdout == "n\n0\n1\nn\n0\n1\n"
    assert server.cancelled == 0


def test_what_writes_is_never_cut_short(sql: Sql, server: ScriptedServer) -> None:
    """Cancelling an INSERT … OUTPUT would undo it."""
    done = sql("five", "--limit", 1, "--csv", "--write")
    assert (done.returncode, done.stdout) == (0, "n\n0\n")
    assert server.cancelled == 0


def test_values(sql: Sql) -> None:
    expected = {
        "money": "12.340000",
        "zero": "0.000000",
        "day": "2014-07-01",
        "id": "00010203-0405-0607-0809-0A0B0C0D0E0F",
        "raw": "0x00ff",
        "text": 'a "b", ü',
    }
    (row,) = csv.DictReader(io.StringIO(sql("values", "--csv").stdout))
    assert row == expected | {
        "at": "2014-07-01 01:02:03",
        "there": "2014-07-01 01:02:03-07:00",
        "yes": "true",
        "nothing": "",
    }
    (document,) = json.loads(sql("values", "--json").stdout)
    assert document == expected | {
        "at": "2014-07-01T01:02:03",
        "there": "2014-07-01T01:02:03-07:00",
        "yes": True,
        "nothing": None,
    }
    table = sql("values").stdout
    for shown in (*expected.values(), "2014-07-01 01:02:03", "true", "NULL"):
        assert shown in table
    assert "(no rows)" in sql("empty").stdout


def test_json_is_one_document(sql: Sql) -> None:
    assert json.loads(sql("five", "--json", "--limit", 2).stdout) == [{"n": 0}, {"n": 1}]
    assert json.loads(sql("nothing", "--json").stdout) == []
    assert json.loads(sql("several; long", "--json").stdout)["error"]["exit_code"] == 2
    assert json.loads(sql("twice", "--json").stdout)["error"]["reason"] == "Two columns are named n"
    assert json.loads(sql("nameless", "--json").stdout)["error"]["reason"] == "Two columns have no name"
    assert sql("twice").stdout.split()[:2] == ["n", "n"]


def test_several_results_are_refused_before_anything_is_run(sql: Sql, server: ScriptedServer) -> None:
    error = json.loads(sql("select 1; update; select 2", "--json", "--write").stdout)["error"]
    assert error["exit_code"] == 2
    assert error["hint"].startswith("Nothing has been run")
    assert asked(server) == []


@pytest.mark.parametrize("query", ["several", "twice"])
def test_what_has_been_written_is_said(sql: Sql, server: ScriptedServer, query: str) -> None:
    done = sql(query + "\nGO\nupdate", "--json", "--write")
    error = json.loads(done.stdout)["error"]
    assert error["exit_code"] == 2
    assert error["hint"].startswith("All has been run, and what was written stays.")
    assert [text.strip() for text in asked(server)] == [query, "update"]
    assert "2 rows affected" in done.stderr


@pytest.mark.parametrize(
    ("query", "code", "reason", "hint"),
    [
        ("unknown", 1, "Invalid object name 'gold.nothing'.", "INFORMATION_SCHEMA.TABLES"),
        ("denied", 1, f"SQL Server refused dataops_reader: {DENIED}", "--write"),
        ("late", 1, "SQL Server: Divide by zero error encountered.", "Mend"),
        (" ; -- nothing", 2, "There is no statement to run", "select 1"),
        ("five\nGO 3\n", 2, "GO stands alone on its line", "WHILE"),
    ],
)
def test_errors(sql: Sql, query: str, code: int, reason: str, hint: str) -> None:
    done = sql(query, "--json")
    error = json.loads(done.stdout)["error"]
    assert done.returncode == code
    assert reason in error["reason"]
    assert hint in error["hint"]


def test_an_error_after_the_first_result(sql: Sql, server: ScriptedServer) -> None:
    done = sql("late", "--csv")
    assert (done.returncode, done.stdout) == (1, "n\n0\n")
    assert "Divide by zero" in done.stderr
    assert asked(server)[-1] == ROLL_BACK


def test_the_building_login_is_not_told_to_be_itself(sql: Sql) -> None:
    assert "--write" not in sql("denied", "--write").stderr


def test_a_login_that_is_refused(sql: Sql, server: ScriptedServer) -> None:
    server.refused = (18456, "Login failed for user 'dataops_reader'.")
    done = sql("five")
    assert done.returncode == 3
    assert f"127.0.0.1:{server.port} refused the login dataops_reader" in done.stderr
    assert "Reader;{1}" not in done.stderr
    missing = sql("five", DATAOPS_WAREHOUSE__READER_PASSWORD="")
    assert missing.returncode == 3
    assert "dataops secrets set --env dev-sql warehouse.reader_password" in missing.stderr


def test_published_files_are_never_written(platform: Path, dataops_here: Dataops) -> None:
    done = dataops_here("sql", "select 1", "--write", cwd=platform)
    assert done.returncode == 2
    assert "dataops run" in done.stderr
    assert "dataops dbt" in done.stderr


@pytest.mark.parametrize(
    ("query", "options", "hint"),
    [
        ("silent", ["--csv"], ""),
        ("silent", [], ""),
        ("silent", ["--csv", "--write"], "what was written before it stays"),
        ("select endless", ["--json", "--limit", "0"], ""),
        # Not even the cancellation is answered.
        ("deaf", ["--csv"], ""),
    ],
)
def test_ctrl_c_ends_a_query(
    server: ScriptedServer, platform: Path, query: str, options: list[str], hint: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "sql", query, *options],
        cwd=platform,
        env=clean_environment(**variables(server)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 120
    while query not in server.batches:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=scripted.DEAF - 10)
    assert process.returncode == 130, out
    assert hint in out
    assert ('"reason": "Interrupted"' if "--json" in options else "error: Interrupted\n") in out
    assert "Traceback" not in out
    if query != "deaf":
        assert server.cancelled


def at_the_prompt(server: ScriptedServer, platform: Path, typed: str) -> tuple[int, str]:
    """Type into a terminal, and return the exit code and all that is seen."""
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "sql", "--csv"],
        cwd=platform,
        env=clean_environment(**variables(server), TERM="dumb"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""

    def read_to_the_end() -> Any:
        nonlocal seen
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # the terminal is closed
                return
            if not data:
                return
            seen += data
            if seen.endswith(b"sql> ") and left:
                os.write(ours, left.pop(0).encode())

    left = [*typed.split("|"), "\x04"]
    read_to_the_end()
    code = process.wait(timeout=60)
    os.close(ours)
    return code, seen.decode().replace("\r\n", "\n")


def test_the_prompt(server: ScriptedServer, platform: Path) -> None:
    code, seen = at_the_prompt(server, platform, "five;\n|unknown\nGO\n|update;\n")
    assert code == 0
    assert "n\n0\n1\n2\n3\n4\n" in seen
    assert "error: Invalid object name" in seen
    assert "2 rows affected" in seen
    # Nothing stays open while nobody types.
    texts = [text.strip().split("\n")[0] for text in asked(server)]
    assert texts == [BEGIN, "five;", ROLL_BACK, BEGIN, "unknown", ROLL_BACK, BEGIN, "update;", ROLL_BACK]


def test_the_prompt_ends_with_the_connection(server: ScriptedServer, platform: Path) -> None:
    def drop(text: str) -> Reply:
        raise OSError(text)

    server.handler = drop
    code, seen = at_the_prompt(server, platform, "five;\n")
    assert code == 3
    assert "was lost" in seen
