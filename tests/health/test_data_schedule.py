"""When a schedule was last due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.health.data_schedule import last_due

# A Sunday.
NOW = datetime(2026, 11, 29, 7, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("* * * * *", "2026-11-29 07:30"),
        ("0 1 * * *", "2026-11-29 01:00"),
        ("0 9 * * *", "2026-11-28 09:00"),
        ("*/20 * * * *", "2026-11-29 07:20"),
        ("5-15/5,45 7 * * *", "2026-11-29 07:15"),
        ("30 22 * * 1-5", "2026-11-27 22:30"),
        ("0 0 * * 7", "2026-11-29 00:00"),
        ("0 0 * * sun", "2026-11-29 00:00"),
        ("0 0 * * mon,WED", "2026-11-25 00:00"),
        ("0 0 31 * *", "2026-10-31 00:00"),
        ("0 0 29 feb *", "2024-02-29 00:00"),
        ("0 0 13 * 5", "2026-11-27 00:00"),
        ("@hourly", "2026-11-29 07:00"),
        ("@daily", "2026-11-29 00:00"),
        ("@weekly", "2026-11-29 00:00"),
        ("@monthly", "2026-11-01 00:00"),
        ("@quarterly", "2026-10-01 00:00"),
        ("@yearly", "2026-01-01 00:00"),
        ("59/30 7 * * *", "2026-11-28 07:59"),
        ("0 0 L * *", "2026-10-31 00:00"),
        ("0 0 * * 5#2", "2026-11-13 00:00"),
    ],
)
def test_the_last_time(schedule: str, due: str) -> None:
    found = last_due(schedule, NOW)
    assert found is not None
    assert f"{found:%Y-%m-%d %H:%M}" == due


@pytest.mark.parametrize(
    "schedule",
    [
        "@once",
        "@continuous",
        "60 * * * *",
        "0 0 31 2 *",
        "5-1 * * * *",
        "*/0 * * * *",
    ],
)
def test_what_is_no_cron_is_never_due(schedule: str) -> None:
    assert last_due(schedule, NOW) is None


@given(
    st.integers(0, 59),
    st.integers(0, 23),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
)
def test_a_daily_one_was_due_within_a_day(minute: int, hour: int, now: datetime) -> None:
    due = last_due(f"{minute} {hour} * * *", now)
    assert due is not None
    assert timedelta(0) <= now - due < timedelta(days=1)
    assert (due.hour, due.minute) == (hour, minute)
