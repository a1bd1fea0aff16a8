"""Task logs on the volume that all of Airflow's containers share."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

LOGS = Path("/opt/airflow/logs")
DAY = 86400


def remove_old_logs(days: int, folder: Path = LOGS) -> dict[str, int]:
    """Remove files that were last written to so many days ago, and folders that are empty then. Returns how many."""
    limit = time.time() - days * DAY
    files = folders = 0
    for place, _names, found in os.walk(folder, topdown=False):
        for name in found:
            path = Path(place, name)
            with suppress(FileNotFoundError):  # somebody else was faster
                if path.lstat().st_mtime < limit:
                    path.unlink()
                    files += 1
        with suppress(OSError):  # something is in it
            if Path(place) != folder and Path(place).stat().st_mtime < limit:
                Path(place).rmdir()
                folders += 1
    return {"files": files, "folders": folders}
