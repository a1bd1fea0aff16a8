"""The engine's own clock, which is one for all who use it."""

from __future__ import annotations

from datetime import datetime

from dataops_cli.docker_api import Engine


def engine_time(text: str) -> datetime | None:
    """A time as the engine writes it, such as 2026-01-31T10:00:00.123456789+01:00; None for anything else."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else None


def engine_now(engine: Engine) -> datetime | None:
    """What the engine's clock shows."""
    return engine_time(str(engine.info()["SystemTime"]))
