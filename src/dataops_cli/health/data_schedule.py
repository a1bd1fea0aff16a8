"""When a schedule was last due. Times are UTC, as Airflow's are here."""

from __future__ import annotations

from datetime import datetime, timedelta

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# A leap day comes back after eight years at the most.
LONGEST = 8 * 366


def last_due(schedule: str, before: datetime) -> datetime | None:
    """The last time not after `before`; None for a schedule with what is no plain cron (L, #, @continuous)."""
    fields = PRESETS.get(schedule, schedule).lower().split()
    if len(fields) != len(BOUNDS):
        return None
    try:
        minutes, hours, days, months, weekdays = (
            _values(field, low, high) for field, (low, high) in zip(fields, BOUNDS, strict=True)
        )
    except ValueError:
        return None
    any_day, any_weekday = fields[2].startswith("*"), fields[4].startswith("*")
    for back in range(LONGEST):
        day = (before - timedelta(days=back)).date()
        in_month = day.day in days
        in_week = day.isoweekday() % 7 in weekdays
        # Cron's own rule: where both are named, either will do.
        is_due = in_month and in_week if any_day or any_weekday else in_month or in_week
        if day.month not in months or not is_due:
            continue
        for hour in sorted(hours, reverse=True):
            for minute in sorted(minutes, reverse=True):
                due = datetime(day.year, day.month, day.day, hour, minute, tzinfo=before.tzinfo)
                if due <= before:
                    return due
    return None


def _values(field: str, low: int, high: int) -> set[int]:
    """The numbers of one field. Raises ValueError for what is none."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            begin, end = low, high
        else:
            begin = _number(first)
            end = _number(last) if dash else high if step else begin
        if not low <= begin <= end <= high:
            raise ValueError(part)
        found |= set(range(begin, end + 1, int(step) if step else 1))
    return found | {0} if high == 7 and 7 in found else found  # Sunday has two numbers


def _number(text: str) -> int:
    if text in MONTHS:
        return MONTHS.index(text) + 1
    return WEEKDAYS.index(text) if text in WEEKDAYS else int(text)
