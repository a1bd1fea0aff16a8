"""When a schedule was last due. Times are UTC, as Airflow's are here."""

from __future__ import annotations

from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

# Airflow's own names.
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


def last_due(schedule: str, before: datetime) -> datetime | None:
    """The last time not after `before`; None for a schedule that is no cron (@continuous)."""
    try:
        return next(CronSim(PRESETS.get(schedule, schedule), before + timedelta(seconds=1), reverse=True))
    except (CronSimError, StopIteration):
        return None
