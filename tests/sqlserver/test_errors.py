"""What is made of the texts of SQL Server and Microsoft's driver. They were taken from the driver itself."""

from __future__ import annotations

import pytest

from dataops_cli.errors import ExitCode
from dataops_cli.warehouse.sqlserver import errors
from dataops_cli.warehouse.sqlserver.errors import Asked, SqlServerError, described, explained, retried

DRIVER = "[Microsoft][ODBC Driver 18 for SQL Server]"
SERVER = f"{DRIVER}[SQL Server]"
LOGIN = f"[28000] {SERVER}Login failed for user 'dataops_dbt'. (18456)"
DATABASE = f'[42000] {SERVER}Cannot open database "dataops" requested by the login. The login failed. (4060)'
ASKED = Asked("db:1433", "bob", is_own=True, source="aw")
MADE = " (SQLDriverConnect)"
RUN = " (SQLExecDirectW)"

CASES = [
    pytest.param(
        "28000",
        LOGIN + MADE,
        18456,
        ExitCode.UNAVAILABLE,
        "SQL Server at db:1433 refused the login bob: Login failed for user 'dataops_dbt'.",
        "dataops secrets list",
        id="login refused",
    ),
    pytest.param(
        "42000",
        f"{DATABASE}{MADE}; {LOGIN}",
        4060,
        ExitCode.UNAVAILABLE,
        'SQL Server at db:1433: Cannot open database "dataops" requested by the login. The login failed.',
        "dataops source grants",
        id="no database, then the login",
    ),
    pytest.param(
        "28000",
        f"{LOGIN}{MADE}; {DATABASE}",
        4060,
        ExitCode.UNAVAILABLE,
        "SQL Server at db:1433: ",
        "dataops source grants",
        id="the login, then no database",
    ),
    pytest.param(
        "42S02",
        f"[42S02] {SERVER}Invalid object name 'gold.nothing'. (208){RUN}",
        208,
        ExitCode.FAILED,
        "Invalid object name 'gold.nothing'.",
        "dataops run",
        id="no such table",
    ),
    pytest.param(
        "42000",
        f"[42000] {SERVER}The SELECT permission was denied on the object 'brnz_products', database 'dataops', "
        f"schema 'bronze'. (229){RUN}",
        229,
        ExitCode.FAILED,
        "SQL Server refused bob: The SELECT permission was denied on the object 'brnz_products'",
        "dataops source grants",
        id="permission denied",
    ),
    pytest.param(
        "40001",
        f"[40001] {SERVER}Transaction (Process ID 56) was deadlocked on lock resources with another process and has "
        f"been chosen as the deadlock victim. Rerun the transaction. (1205){RUN}",
        1205,
        ExitCode.FAILED,
        "SQL Server chose it as a deadlock's victim: Transaction (Process ID 56) was deadlocked",
        "Run the command again.",
        id="deadlock",
    ),
    pytest.param(
        "42000",
        f"[42000] {SERVER}Lock request time out period exceeded. (1222){RUN}",
        1222,
        ExitCode.FAILED,
        "SQL Server: Lock request time out period exceeded.",
        "run the command again",
        id="lock timeout",
    ),
    pytest.param(
        "08001",
        f"[08001] {DRIVER}SSL Provider: [error:0A000086:SSL routines::certificate verify failed:self-signed "
        f"certificate] (-1){MADE}",
        0,
        ExitCode.UNAVAILABLE,
        "SQL Server at db:1433 showed a certificate that is not trusted: SSL Provider: [error:0A000086",
        "trust_server_certificate",
        id="certificate",
    ),
    pytest.param(
        "08001",
        f"[08001] {DRIVER}TCP Provider: Error code 0x2749 (10057){MADE}; [08001] {DRIVER}Login timeout expired (0)",
        10057,
        ExitCode.UNAVAILABLE,
        "Cannot reach SQL Server at db:1433: TCP Provider: Error code 0x2749",
        "warehouse.port",
        id="refused port",
    ),
    pytest.param(
        "HYT00",
        f"[HYT00] {DRIVER}Login timeout expired (0){MADE}",
        0,
        ExitCode.UNAVAILABLE,
        "Cannot reach SQL Server at db:1433: Login timeout expired",
        "warehouse.server",
        id="login timeout",
    ),
    pytest.param(
        "HYT00",
        f"[HYT00] {DRIVER}Query timeout expired (0){RUN}",
        0,
        ExitCode.UNAVAILABLE,
        "SQL Server at db:1433 took longer than warehouse.query_timeout: Query timeout expired",
        "Allow it more",
        id="query timeout",
    ),
    pytest.param(
        "08S01",
        f"[08S01] {DRIVER}TCP Provider: Error code 0x2746 (10054){RUN}",
        10054,
        ExitCode.UNAVAILABLE,
        "The connection to SQL Server at db:1433 was lost: TCP Provider: Error code 0x2746",
        "dataops logs sqlserver",
        id="reset",
    ),
    pytest.param(
        "08S01",
        f"[08S01] {DRIVER}Communication link failure (0){RUN}",
        0,
        ExitCode.UNAVAILABLE,
        "The connection to SQL Server at db:1433 was lost: Communication link failure",
        "Run the command again",
        id="link failure",
    ),
    pytest.param(
        "42000",
        f"[42000] {SERVER}Incorrect syntax near 'FORM'. (102){RUN}",
        102,
        ExitCode.FAILED,
        "SQL Server: Incorrect syntax near 'FORM'.",
        "Mend what it names",
        id="anything else",
    ),
    pytest.param(
        "42000",
        f"[42000] {SERVER}Could not allocate space for object 'gold.x' in database 'dataops' because the 'PRIMARY' "
        f"filegroup is full. (1105){RUN}",
        1105,
        ExitCode.FAILED,
        "SQL Server is out of space: Could not allocate space",
        "warehouse.keep_generations",
        id="no space",
    ),
    pytest.param(
        "42000",
        f"[42000] {SERVER}The transaction log for database 'dataops' is full due to 'LOG_BACKUP'. (9002){RUN}",
        9002,
        ExitCode.FAILED,
        "The transaction log is full: ",
        "Back up the log",
        id="log full",
    ),
    pytest.param(
        "IMC06",
        f"[IMC06] {DRIVER}The connection is broken and recovery is not possible. (0){RUN}",
        0,
        ExitCode.UNAVAILABLE,
        "The connection to SQL Server at db:1433 was lost: ",
        "Run the command again",
        id="broken for good",
    ),
    pytest.param(
        "HY000",
        f"[HY000] {SERVER}SHUTDOWN is in progress. (6005){RUN}",
        6005,
        ExitCode.UNAVAILABLE,
        "The connection to SQL Server at db:1433 was lost: SHUTDOWN is in progress.",
        "dataops ps",
        id="going down",
    ),
    pytest.param(
        "42000",
        f"[42000] {SERVER}Database 'dataops' on server 'x' is not currently available. (40613){RUN}",
        40613,
        ExitCode.UNAVAILABLE,
        "SQL Server: Database 'dataops'",
        "run the command again",
        id="not available just now",
    ),
    pytest.param(
        "42S02",
        f"[42S02] {SERVER}Invalid object name 'silver.glassline_certificate'. (208){RUN}",
        208,
        ExitCode.FAILED,
        "Invalid object name 'silver.glassline_certificate'.",
        "dataops run",
        id="a table of certificates",
    ),
]


@pytest.mark.parametrize(("state", "text", "number", "code", "reason", "hint"), CASES)
def test_what_is_said(state: str, text: str, number: int, code: ExitCode, reason: str, hint: str) -> None:
    error = explained(Exception(state, text), ASKED)
    assert (error.number, error.state, error.exit_code) == (number, state, code)
    assert error.reason.startswith(reason)
    assert hint in error.hint
    assert "[Microsoft]" not in error.reason
    assert "(SQL" not in error.reason


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ('Cannot open database "dataops" requested by the login.', "Check warehouse.database, or make it"),
        ('Cannot open database "AW" requested by the login.', "Check warehouse.source_database, or fill it"),
        ("Database 'aw' does not exist.", "dataops source restore (or load, generate)"),
        ('Cannot open database "law" requested by the login.', "Check warehouse.database, or make it"),
    ],
)
def test_which_database_is_missing(message: str, hint: str) -> None:
    remedy = described("42000", 4060, message, ASKED).hint
    assert hint in remedy
    assert ("source restore" in remedy) is ("source_database" in remedy)
    assert remedy.endswith("dataops source grants")


@pytest.mark.parametrize("state", ["08001", "08S01"])
def test_a_server_elsewhere_is_not_looked_for_in_the_stack(state: str) -> None:
    hint = described(state, 0, "…", Asked("db:1433", "bob")).hint
    assert "dataops" not in hint
    assert "server" in hint


def test_a_call_that_a_signal_has_ended() -> None:
    with pytest.raises(KeyboardInterrupt):
        explained(Exception("HY000", "The driver did not supply an error!"), ASKED)


@pytest.mark.parametrize(
    ("state", "number", "transient", "lost"),
    [
        ("40001", 1205, True, False),
        ("42000", 40501, True, False),
        ("42000", 40613, True, False),
        ("08S01", 0, True, True),
        ("08S01", 10054, True, True),
        ("HYT01", 0, True, True),
        ("IMC02", 0, True, True),
        ("HY000", 596, True, True),
        ("42000", 1222, False, False),
        ("28000", 18456, False, False),
        ("08001", 0, False, False),
        ("HYT00", 0, False, False),
        ("42S02", 208, False, False),
    ],
)
def test_what_may_succeed_the_next_time(state: str, number: int, transient: bool, lost: bool) -> None:
    error = failure(number, state)
    assert (error.transient, error.lost) == (transient, lost)


def failure(number: int, state: str = "42000") -> SqlServerError:
    return SqlServerError(f"failure {number}", hint="", exit_code=ExitCode.FAILED, number=number, state=state)


class Action:
    """Fails with each error in turn, then succeeds."""

    def __init__(self, *failures: Exception) -> None:
        self.left = list(failures)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.left:
            raise self.left.pop(0)
        return "done"


@pytest.mark.parametrize(("jitter", "factor"), [(0.5, 0.5), (1.0, 1.0), (1.5, 1.5)])
def test_a_passing_failure_is_tried_again_after_pauses_that_double(
    monkeypatch: pytest.MonkeyPatch, jitter: float, factor: float
) -> None:
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return jitter

    monkeypatch.setattr(errors.random, "uniform", uniform)
    pauses: list[float] = []
    told: list[str] = []
    action = Action(failure(1205), failure(40501), failure(0, "08S01"))
    assert retried(action, on_retry=told.append, sleep=pauses.append) == "done"
    assert action.calls == 4
    assert pauses == [0.5 * factor, 1.0 * factor, 2.0 * factor]
    assert asked == [(0.5, 1.5)] * 3
    assert told[0] == f"failure 1205 (attempt 1 of 5; again in {0.5 * factor:.1f} s)"


def test_a_pause_has_a_longest() -> None:
    pauses: list[float] = []
    with pytest.raises(SqlServerError):
        retried(Action(*[failure(1205)] * 12), attempts=12, sleep=pauses.append)
    assert len(pauses) == 11
    assert max(pauses) <= errors.LONGEST_PAUSE * 1.5


def test_the_attempts_have_an_end() -> None:
    action = Action(*[failure(number) for number in (1205, 1205, 1205, 1205, 40501, 1205)])
    with pytest.raises(SqlServerError, match="failure 40501"):
        retried(action, sleep=lambda _seconds: None)
    assert action.calls == errors.ATTEMPTS


@pytest.mark.parametrize("error", [failure(208), failure(1222), failure(0, "08001"), ValueError("mine")])
def test_a_failure_that_stays_is_not_tried_again(error: Exception) -> None:
    action = Action(error)
    with pytest.raises(type(error)):
        retried(action, sleep=lambda _seconds: pytest.fail("it slept"))
    assert action.calls == 1
