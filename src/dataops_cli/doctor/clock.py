"""Whether this machine's clock is right, as far as the engine's tells."""

from __future__ import annotations

from datetime import UTC, datetime

from dataops_cli.checks import Finding, Result
from dataops_cli.doctor.finding import Answer, Case

# Seconds. Airflow's tokens and TLS forgive little more.
APART = 5
# The year of this program: no clock that is right shows an earlier one.
EARLIEST = 2026

SET_IT = "Set the clock: sudo timedatectl set-ntp true"


def look(case: Case) -> Finding:
    return decide(datetime.now(UTC), case.answer)


def decide(now: datetime, answer: Answer | None) -> Finding:
    """`now` with its time zone; `answer` is None without an engine."""
    shown = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now.year < EARLIEST:
        return Finding(Result.FAIL, f"{shown} is in the past", SET_IT)
    if answer is None:
        return Finding(Result.OK, f"{shown}, compared with no engine")
    ahead = (datetime.fromisoformat(answer.info["SystemTime"]) - answer.heard).total_seconds()
    if abs(ahead) > APART:
        found = f"{shown}; the engine is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"
        return Finding(Result.WARN, found, f"{SET_IT}, here and on the engine's machine")
    return Finding(Result.OK, f"{shown}, as the engine's")
