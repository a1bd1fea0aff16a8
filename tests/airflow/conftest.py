"""A small server in Airflow's place, which has the pipeline's DAG."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_airflow import FakeAirflow

from dataops_cli.airflow import client
from dataops_cli.airflow.api import Airflow


@pytest.fixture
def fake() -> Iterator[FakeAirflow]:
    server = FakeAirflow()
    server.add_dag("dataops_pipeline")
    yield server
    server.close()


@pytest.fixture
def api(fake: FakeAirflow) -> Airflow:
    return Airflow(fake.place())


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts of a call, which take no time."""
    slept: list[float] = []

    class Clock:
        from time import monotonic as monotonic

        sleep = staticmethod(slept.append)

    monkeypatch.setattr(client, "time", Clock)
    return slept
