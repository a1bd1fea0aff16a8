"""Parts of a deployment, each by itself: no engine, no Airflow."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.deploy import gate as gates
from dataops_cli.deploy import way_back
from dataops_cli.deploy.gate import Gate
from dataops_cli.deploy.journal import Beginning, Kind
from dataops_cli.errors import DataopsError


class Scheduler:
    """An Airflow with one run of the DAG, which goes on, look by look, as long as the DAG is not paused."""

    def __init__(self, looks: int, *, paused: bool = False) -> None:
        self.left, self.paused, self.stopped = looks, paused, False

    def dag(self, _dag: str) -> Any:
        return SimpleNamespace(paused=self.paused)

    def set_paused(self, _dag: str, paused: bool) -> None:
        self.paused = paused

    def stop(self, _dag: str, _run: str) -> None:
        self.left, self.stopped = 0, True

    def runs(self, _dag: str, *, limit: int, states: Sequence[str]) -> list[Any]:
        assert limit
        assert states
        if self.left and not self.paused:
            self.left -= 1
        return [SimpleNamespace(run_id="run")] if self.left else []


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "PAUSE", 0.0)


def closed(airflow: Scheduler, *, now: bool = False, timeout: float = 5) -> str:
    return Gate(airflow, lambda _text: None).close(now=now, timeout=timeout)  # type: ignore[arg-type]


def test_a_run_is_waited_for_before_the_pause() -> None:
    airflow = Scheduler(3)
    assert closed(airflow) == "paused, no run under way"
    assert (airflow.paused, airflow.left, airflow.stopped) == (True, 0, False)


def test_a_run_is_stopped() -> None:
    airflow = Scheduler(999)
    assert closed(airflow, now=True) == "paused, 1 runs stopped"
    assert (airflow.paused, airflow.stopped) == (True, True)


def test_a_run_that_is_too_long() -> None:
    with pytest.raises(DataopsError, match="has not ended in 0 s"):
        closed(Scheduler(999), timeout=0)


def test_a_run_of_a_paused_dag_does_not_go_on_and_is_not_waited_for() -> None:
    assert closed(Scheduler(9, paused=True)) == "was paused already"


class Published:
    """The part of Data that the way back uses."""

    def __init__(self, generation: str) -> None:
        self.generation = generation

    def end_what_is_left(self) -> None:
        pass

    def published(self) -> str:
        return self.generation

    def publish(self, generation: str) -> None:
        self.generation = generation


@pytest.mark.parametrize(
    ("switched_to", "published", "after"),
    [
        (None, "before", "before"),
        (None, "of a run since", "of a run since"),
        ("new", "before", "before"),
        ("new", "new", "before"),
        ("new", "of a run since", "of a run since"),
    ],
)
def test_the_way_back_takes_back_its_own_data_alone(
    switched_to: str | None, published: str, after: str
) -> None:
    beginning = Beginning(
        1, Kind.DEPLOY, "b", "a", "before", was_paused=None, had_containers=True, switched_to=switched_to
    )
    data = Published(published)
    way_back._data_back(data, beginning)  # type: ignore[arg-type]
    assert data.generation == after
