"""Whether the engine can be reached and is new enough."""

from __future__ import annotations

from datetime import UTC, datetime

from dataops_cli import docker_api
from dataops_cli.checks import Finding, Result
from dataops_cli.doctor.finding import Answer, Case, Lesson

LATE = "See whether the engine answers: docker info; restart it where it hangs."


def look(_case: Case) -> Finding:
    """Asks the engine who it is. Raises EngineError where it cannot be reached or is too old."""
    engine = docker_api.connect()
    before = datetime.now(UTC)
    info = engine.info()
    answer = Answer(info, before + (datetime.now(UTC) - before) / 2)
    version = ".".join(map(str, engine.api_version))
    return Lesson(
        Result.OK,
        f"Docker {info['ServerVersion']} (API {version}) of {docker_api.engine_place()}",
        learnt={"engine": engine, "answer": answer},
    )
