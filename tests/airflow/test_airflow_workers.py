"""Whether a worker takes dbt's queue, from what the engine has of the stack."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli import docker_api
from dataops_cli.cli import airflow_workers
from dataops_cli.cli.airflow_workers import without_worker, worker_health
from dataops_cli.errors import DataopsError
from dataops_cli.stack import workers as stack_workers


def application(*, stack: bool = True, url: str | None = None, host: str = "") -> Any:
    settings = SimpleNamespace(
        stack=SimpleNamespace(enabled=stack),
        airflow=SimpleNamespace(url=url),
        worker=SimpleNamespace(host=host),
    )
    return SimpleNamespace(environment=SimpleNamespace(settings=settings))


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the engine have workers in these states: `running`, or `running unhealthy`."""

    def set_workers(*states: str) -> None:
        found = [
            SimpleNamespace(name=f"dbt-{number}", state=state.split()[0], health="".join(state.split()[1:]))
            for number, state in enumerate(states, 1)
        ]
        monkeypatch.setattr(docker_api, "connect", lambda: None)
        monkeypatch.setattr(stack_workers, "workers", lambda _engine, _environment: found)

    return set_workers


@pytest.mark.parametrize(
    ("states", "told", "status"),
    [
        (["running"], None, "healthy"),
        (["running starting"], None, "healthy"),
        (["exited", "running healthy"], None, "healthy"),
        ([], ("No worker takes the queue dbt: it has none", "Bring it up: dataops up dbt"), None),
        (
            ["exited", "exited"],
            (
                "No worker takes the queue dbt: dbt-1 is exited, dbt-2 is exited",
                "Start it: dataops start dbt",
            ),
            "exited",
        ),
        (
            ["paused"],
            ("No worker takes the queue dbt: dbt-1 is paused", "Let it go on: dataops restart dbt"),
            "paused",
        ),
        (
            ["running unhealthy"],
            ("No worker takes the queue dbt: dbt-1 is unhealthy", "What ails it: dataops worker ps"),
            "unhealthy",
        ),
    ],
)
def test_workers_of_the_stack(
    there: Callable[..., None], states: list[str], told: tuple[str, str] | None, status: str | None
) -> None:
    there(*states)
    assert without_worker(application(), {"dbt", "default"}) == told
    health = worker_health(application())
    assert health is not None
    assert (health.part, health.status) == ("worker", status)
    assert health.ill == (status != "healthy")


@pytest.mark.parametrize(
    "app",
    [application(stack=False), application(url="http://elsewhere"), application(host="10.0.0.1")],
    ids=["no stack", "another Airflow", "workers elsewhere"],
)
def test_what_cannot_be_known_is_not_said(there: Callable[..., None], app: Any) -> None:
    there("exited")
    assert (without_worker(app, {"dbt"}), worker_health(app)) == (None, None)


def test_other_queues_are_not_looked_at(there: Callable[..., None]) -> None:
    there("exited")
    assert without_worker(application(), {"default"}) is None


def test_an_engine_that_is_away_is_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise DataopsError("no engine", hint="none")

    monkeypatch.setattr(docker_api, "connect", away)
    assert (without_worker(application(), {"dbt"}), worker_health(application())) == (None, None)


def test_an_engine_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_workers, "LIMIT", 0.1)
    monkeypatch.setattr(docker_api, "connect", lambda: time.sleep(5))
    assert without_worker(application(), {"dbt"}) is None
