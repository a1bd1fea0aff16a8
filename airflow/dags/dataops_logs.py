"""Task logs on the volume that all of Airflow's containers share."""

from __future__ import annotations

import os
import time
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
            if path.lstat().st_mtime < limit:
                path.unlink(missing_ok=True)
                files += 1
        if Path(place) != folder and Path(place).stat().st_mtime < limit:
            try:
                Path(place).rmdir()
                folders += 1
            except OSError:  # something is in it
                continue
    return {"files": files, "folders": folders}
