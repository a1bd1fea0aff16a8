"""Parts of the warehouse on SQL Server, each against a connection that is acted out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.warehouse.sqlserver import lease, state
from dataops_cli.warehouse.sqlserver.connection import Server
from dataops_cli.warehouse.sqlserver.errors import SqlServerError
from dataops_cli.warehouse.sqlserver.moment import in_a_moment
from dataops_cli.warehouse.sqlserver.space import EDITION, PAGE, require_space
from dataops_cli.warehouse.sqlserver.warehouse import SqlServerWarehouse
from sqlserver.settings import settings

GB = 2**30 // PAGE  # in pages
PUBLISHED = [("silver", "slvr_x")]


class Acted:
    """Answers by what is asked: the first text that a statement holds."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def rows(self, sql: str, *_parameters: Any) -> Any:
        self.asked.append(sql)
        return next(answer for text, answer in self.answers.items() if text in sql)

    def value(self, sql: str, *parameters: Any) -> Any:
        return self.rows(sql, *parameters)

    def execute(self, sql: str, *_parameters: Any) -> None:
        self.asked.append(sql)


def server(
    edition: int, warehouse: list[tuple[str, str, int]], source: list[tuple[str, str, int]], version: int = 16
) -> Any:
    return Acted(
        {"EngineEdition": [(edition, version)], "[aw].sys.tables": source, "[dw].sys.tables": warehouse}
    )


@pytest.mark.parametrize(
    ("edition", "used", "fits"),
    [(4, 4 * GB, True), (4, 5 * GB, False), (2, 9 * GB, True)],
    ids=["Express with room", "Express without", "an edition without the limit"],
)
def test_a_build_has_to_fit_into_express(edition: int, used: int, fits: bool) -> None:
    connection = server(edition, [("silver", "SLVR_X", used)], [("Sales", "Customer", GB)])
    if fits:
        require_space(connection, "dw", "aw", PUBLISHED)
        return
    with pytest.raises(DataopsError, match=r"some 6\.5 GB, and dw has 5\.0 GB left of the 10 GB") as caught:
        require_space(connection, "dw", "aw", PUBLISHED)
    assert caught.value.exit_code == ExitCode.UNAVAILABLE


def test_express_holds_more_since_2025() -> None:
    used = [("silver", "slvr_x", 21 * GB)]
    require_space(server(4, used, [], version=17), "dw", "aw", PUBLISHED)
    with pytest.raises(DataopsError, match=r"left of the 50 GB"):
        require_space(server(4, [("silver", "slvr_x", 22 * GB)], [], version=17), "dw", "aw", PUBLISHED)


def test_a_first_build_is_taken_to_be_as_large_as_its_source() -> None:
    require_space(server(4, [], [("Sales", "Customer", 7 * GB)]), "dw", "aw", [])
    with pytest.raises(DataopsError):
        require_space(server(4, [], [("Sales", "Customer", 8 * GB)]), "dw", "aw", [])


def refusal(number: int, sqlstate: str = "42000") -> SqlServerError:
    return SqlServerError("refused", hint="", exit_code=ExitCode.FAILED, number=number, state=sqlstate)


def failing(*errors: SqlServerError) -> tuple[Callable[[], None], list[int]]:
    left, calls = list(errors), list[int]()

    def change() -> None:
        calls.append(1)
        if left:
            raise left.pop(0)

    return change, calls


def test_a_change_gives_way_and_comes_again() -> None:
    pauses: list[float] = []
    change, calls = failing(refusal(1222), refusal(1205), refusal(1222))
    in_a_moment(change, 60, sleep=pauses.append)
    assert len(calls) == 4
    assert all(0.25 <= pause <= 0.75 for pause in pauses)


@pytest.mark.parametrize("error", [refusal(229), refusal(0, "08S01")], ids=["permanent", "lost"])
def test_any_other_error_is_one_at_once(error: SqlServerError) -> None:
    change, calls = failing(error)
    with pytest.raises(SqlServerError):
        in_a_moment(change, 60, sleep=lambda _seconds: None)
    assert len(calls) == 1


def test_it_does_not_try_for_ever() -> None:
    change, calls = failing(*[refusal(1222)] * 3)
    with pytest.raises(SqlServerError):
        in_a_moment(change, -1, sleep=lambda _seconds: None)
    assert len(calls) == 1


def test_the_lock_word_by_word() -> None:
    assert lease.ACQUIRE.format(resource=lease.RUN_LOCK, milliseconds=300) == (
        "DECLARE @result int; EXEC @result = sp_getapplock @Resource = N'dataops_run', @LockMode = N'Exclusive', "
        "@LockOwner = N'Session', @LockTimeout = 300; SELECT @result"
    )
    assert lease.NUMBER == "SELECT number FROM [dataops].[lease] WITH (UPDLOCK, HOLDLOCK)"
    for statement in (EDITION, lease.MODE, lease.IS_FREE, lease.NUMBER, *state.creation()):
        assert sqlglot.parse(statement, dialect="tsql")


@pytest.mark.parametrize(("mode", "number"), [("NoLock", 7), ("Exclusive", 8)], ids=["lock", "number"])
def test_a_lease_that_has_passed_on(mode: str, number: int) -> None:
    connection: Any = Acted({"APPLOCK_MODE": mode, "SELECT number": number})
    with pytest.raises(DataopsError, match="no longer holds the lock") as caught:
        lease.SqlServerLease(7, connection).check()
    assert caught.value.exit_code == ExitCode.LOCKED
    lease.SqlServerLease(8, Acted({"APPLOCK_MODE": "Exclusive", "SELECT number": 8})).check()  # type: ignore[arg-type]


def test_a_state_of_a_newer_dataops_is_refused() -> None:
    connection: Any = Acted({"OBJECT_ID": 1, "SELECT version": state.VERSION + 1})
    with pytest.raises(DataopsError, match="written by a newer dataops") as caught:
        state.exists(connection)
    assert caught.value.exit_code == ExitCode.REFUSED


def test_which_failures_of_dbt_pass(tmp_path: Path) -> None:
    warehouse = SqlServerWarehouse(Server(settings()), tmp_path)
    deadlock = (
        "('40001', '[40001] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]… (1205) (SQLExecDirectW)')"
    )
    assert warehouse.is_passing(deadlock)
    assert not warehouse.is_passing(deadlock.replace("1205", "8134"))
    assert not warehouse.is_passing("Got 12051 results, configured to fail if != 0")
