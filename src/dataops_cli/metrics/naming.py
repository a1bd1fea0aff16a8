"""How the metrics are named, and one series after the other added to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily

PREFIX = "dataops_"
# By whose metrics several environments are told apart.
ENVIRONMENT = "environment"


class Metrics:
    """The metrics of one environment, in the order in which they were first added."""

    def __init__(self, environment: str) -> None:
        self._environment = environment
        self._families: dict[str, GaugeMetricFamily] = {}

    def add(self, name: str, help_text: str, value: float | None, **labels: str | None) -> None:
        """One series of the gauge dataops_NAME; none where there is no value. Labels without a value are empty."""
        if value is None:
            return
        family = self._families.get(name)
        if family is None:
            family = GaugeMetricFamily(PREFIX + name, help_text, labels=[ENVIRONMENT, *labels])
            self._families[name] = family
        family.add_metric([self._environment, *(text or "" for text in labels.values())], float(value))

    def one_of(
        self, name: str, help_text: str, label: str, states: Iterable[str], now: str, **labels: str
    ) -> None:
        """A series for each of the `states`: 1 for that which it is `now`, 0 for the others."""
        for state in dict.fromkeys([*states, now]):
            self.add(name, help_text, state == now, **labels, **{label: state})

    def time(self, name: str, help_text: str, at: str | datetime | None, **labels: str) -> None:
        """A moment, as Unix time. Text is in ISO form."""
        moment = datetime.fromisoformat(at) if isinstance(at, str) and at else at
        self.add(name, help_text, moment.timestamp() if isinstance(moment, datetime) else None, **labels)

    def info(self, name: str, help_text: str, facts: Mapping[str, str | None]) -> None:
        """Text that goes with the environment: the labels of a gauge that is 1."""
        self.add(name, help_text, 1, **facts)

    def collect(self) -> list[GaugeMetricFamily]:
        """What prometheus_client's registry asks of a collector."""
        return [*self._families.values()]

    @property
    def count(self) -> int:
        return sum(len(family.samples) for family in self.collect())

    def document(self) -> list[dict[str, Any]]:
        """For --json: each series with its labels and its value."""
        return [
            {"name": sample.name, "labels": sample.labels, "value": sample.value}
            for family in self.collect()
            for sample in family.samples
        ]
