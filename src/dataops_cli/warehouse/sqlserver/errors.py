"""What SQL Server and its driver complain of: what is worth another try, and what to do about the rest."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from dataops_cli.errors import DataopsError, ExitCode

T = TypeVar("T")

LOCK_TIMEOUT = 1222
# Deadlock victim; Azure SQL: not available just now, throttled, failing over. Source: Microsoft,
# "Troubleshoot transient connection errors in Azure SQL Database and SQL Managed Instance".
TRANSIENT = frozenset({1205, 4221, 10928, 10929, 40143, 40197, 40501, 40540, 40613, 49918, 49919, 49920})
# SQLSTATE of a connection that was lost; IMC…: a broken one that the driver cannot mend. One that cannot be made
# (08001) is none: a wrong certificate is one, too.
LOST = frozenset({"08S01", "08003", "08007", "01002", "HYT01"} | {f"IMC0{number}" for number in range(1, 7)})
# The session was ended, the server is going down.
ENDED = frozenset({596, 6005})
# pyodbc's text for a call of the driver that a signal has ended; the KeyboardInterrupt itself is lost in it.
CUT_SHORT = "The driver did not supply an error!"
OUT_OF_SPACE = frozenset({1101, 1105, 1827})
LOG_FULL = 9002
ATTEMPTS = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0


class SqlServerError(DataopsError):
    """A complaint of SQL Server or its driver. `number` is SQL Server's, 0 where it is the driver's own;
    `state` is the SQLSTATE; `transient` says whether the same again may succeed."""

    def __init__(self, reason: str, *, hint: str, exit_code: ExitCode, number: int, state: str) -> None:
        super().__init__(reason, hint=hint, exit_code=exit_code)
        self.number = number
        self.state = state

    @property
    def transient(self) -> bool:
        return self.number in TRANSIENT or self.lost

    @property
    def lost(self) -> bool:
        """Whether the connection is gone: what was under way may have been done or not."""
        return self.state in LOST or self.number in ENDED


@dataclass(frozen=True)
class Asked:
    """Whom a complaint comes from, and who had asked: remedies depend on it. `place` is such as `sqlserver:1433`,
    `is_own` says whether it is the stack's own server, `source` names the source database where it has one."""

    place: str
    user: str = ""
    is_own: bool = False
    source: str = ""

    @property
    def unreachable(self) -> str:
        if self.is_own:
            return (
                "Check warehouse.server and warehouse.port, and that it runs there: dataops ps, "
                "dataops up sqlserver"
            )
        return "Check warehouse.server and warehouse.port, that it runs there, and that no firewall is in between."

    @property
    def lost(self) -> str:
        look = ": dataops ps, dataops logs sqlserver" if self.is_own else "."
        return f"Run the command again; see whether the server is well{look}"

    def no_database(self, message: str) -> str:
        if self.source and re.search(rf"""["']{re.escape(self.source)}["']""", message, re.IGNORECASE):
            return (
                "Check warehouse.source_database, or fill it: dataops source restore (or load, generate), then: "
                "dataops source grants"
            )
        return "Check warehouse.database, or make it, with its users: dataops source grants"


def is_interrupt(error: Exception) -> bool:
    return CUT_SHORT in str(error)


def explained(error: Exception, asked: Asked) -> SqlServerError:
    """A pyodbc.Error as an error with a remedy.

    Raises KeyboardInterrupt where it is one."""
    if is_interrupt(error):
        raise KeyboardInterrupt from error
    state = str(error.args[0]) if error.args else ""
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    number = _number(text)
    return described(state, number, _message(text, number), asked)


def described(state: str, number: int, message: str, asked: Asked) -> SqlServerError:
    """An error as its parts tell it: SQLSTATE, SQL Server's number (0: the driver's own) and the bare message."""
    where, user = asked.place, asked.user
    lowered = message.lower()
    # What is said of the way to the server, before SQL Server itself can say anything.
    if number == 0 and ("certificate" in lowered or "ssl" in lowered):
        reason = f"SQL Server at {where} showed a certificate that is not trusted: {message}"
        hint = (
            "Give it one of an authority that this machine trusts, for the name in warehouse.server; "
            "in local, ci, dev and dev-*: warehouse.trust_server_certificate = true"
        )
    elif state == "08001" or (state == "HYT00" and "login" in lowered):
        reason = f"Cannot reach SQL Server at {where}: {message}"
        hint = asked.unreachable
    elif number in (4060, 911):
        reason = f"SQL Server at {where}: {message}"
        hint = asked.no_database(message)
    elif number in (18456, 18486, 18487, 18488) or (state == "28000" and "login failed" in lowered):
        reason = f"SQL Server at {where} refused the login {user}: {message}"
        hint = (
            "Check the login and its secret: dataops secrets list. Logins are made by: dataops source grants"
        )
    elif number in (229, 230, 262, 297, 300, 916, 15151, 15247, 15404):
        reason = f"SQL Server refused {user or 'the login'}: {message}"
        hint = "Give the logins what they need: dataops source grants"
    elif number == 208:
        reason, hint = message, "Load the source, or build the model that is missing: dataops run"
    elif number in OUT_OF_SPACE:
        reason = f"SQL Server is out of space: {message}"
        hint = "Free some, or keep fewer generations: warehouse.keep_generations"
    elif number == LOG_FULL:
        reason = f"The transaction log is full: {message}"
        hint = "Back up the log, or give the database the recovery model SIMPLE, then: dataops run --retry"
    elif number == 1205:
        reason, hint = f"SQL Server chose it as a deadlock's victim: {message}", "Run the command again."
    elif state in LOST or number in ENDED:
        reason = f"The connection to SQL Server at {where} was lost: {message}"
        hint = asked.lost
    elif state in ("HYT00", "HY008"):
        reason = f"SQL Server at {where} took longer than warehouse.query_timeout: {message}"
        hint = "Allow it more, or find what it waits for."
    else:
        reason, hint = f"SQL Server: {message}", "Mend what it names, then run the command again."
    passing = state in LOST or number in ENDED | TRANSIENT - {1205}
    unreachable = (
        passing or state in ("08001", "HYT00", "28000") or number in (18456, 18486, 18487, 18488, 4060, 911)
    )
    code = ExitCode.UNAVAILABLE if unreachable else ExitCode.FAILED
    return SqlServerError(reason, hint=hint, exit_code=code, number=number, state=state)


def retried(
    action: Callable[[], T],
    *,
    attempts: int = ATTEMPTS,
    on_retry: Callable[[str], None] = lambda _why: None,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """The action's result; a transient failure is tried again after a pause that doubles, with jitter.

    The action must be safe to repeat as a whole: a connection, one transaction, a query.
    """
    pause = FIRST_PAUSE
    for attempt in range(1, attempts + 1):
        try:
            return action()
        except SqlServerError as error:
            if not error.transient or attempt == attempts:
                raise
            wait = pause * random.uniform(0.5, 1.5)  # noqa: S311 (not for secrets)
            on_retry(f"{error.reason} (attempt {attempt} of {attempts}; again in {wait:.1f} s)")
            sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE)
    raise AssertionError("the last attempt returns or raises")


def _number(text: str) -> int:
    """SQL Server's error number, which the driver puts in parentheses before the name of its function."""
    numbers = [int(found) for found in re.findall(r"\((\d+)\)(?= \(SQL|\s*$|; \[)", text)]
    # That a database cannot be opened comes with a failed login, in either order: it is the cause.
    return next((number for number in numbers if number == 4060), numbers[0] if numbers else 0)


def _message(text: str, number: int) -> str:
    """The message of that number in a chain, else the first, without the driver's brackets, numbers and function
    names."""
    chain = re.split(r"; \[\w{5}\] ", text)
    chosen = next((item for item in chain if f"({number})" in item), chain[0])
    chosen = re.sub(r"^(\[[^\]]*\]\s*)+", "", chosen)
    return re.sub(r"\s*\(-?\d+\)( \(SQL\w+\))?\s*$", "", chosen).strip()
