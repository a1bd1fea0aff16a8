"""The metrics of facts that were made up: golden text, read by the client's parser, linted by promtool."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from dataops_cli.checks import Finding, Result
from dataops_cli.errors import UsageError
from dataops_cli.facts.data import Data
from dataops_cli.facts.model import Deployments, Facts, Lacking, Lock
from dataops_cli.health.check import Layer
from dataops_cli.health.examination import Outcome as CheckOutcome
from dataops_cli.metrics.families import families
from dataops_cli.metrics.text import exposition, require_textfile, write_textfile
from metrics.promtool import complaints
from status import made_up

GOLDEN = Path(__file__).parent / "golden"
HEALTH = (
    CheckOutcome("engine", Layer.MACHINE, Finding(Result.OK, "Docker"), 0.25),
    CheckOutcome("containers", Layer.SERVICES, Finding(Result.FAIL, "one does not run", "dataops up"), 0.5),
)
FACTS: dict[str, Callable[[], Facts]] = {
    "well": made_up.well,
    "in_trouble": made_up.in_trouble,
    "away": made_up.away,
    "nothing_yet": made_up.embedded,
}

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def text(name: str) -> str:
    return exposition(families(FACTS[name](), HEALTH if name == "well" else None))


def series(exposed: str) -> Series:
    """Name and labels, without the environment → value. Every series is there once."""
    found: Series = {}
    for family in text_string_to_metric_families(exposed):
        for sample in family.samples:
            labels = {key: value for key, value in sample.labels.items() if key != "environment"}
            key = (sample.name, frozenset(labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def value(found: Series, name: str, **labels: str) -> float | None:
    return found.get((f"dataops_{name}", frozenset(labels.items())))


@pytest.mark.parametrize("name", FACTS)
def test_the_text(name: str) -> None:
    assert text(name) == (GOLDEN / f"{name}.prom").read_text()


@pytest.mark.parametrize("name", FACTS)
def test_the_strict_parser_reads_it(name: str) -> None:
    """OpenMetrics' own, which refuses what is out of order, twice there or escaped wrongly. Its gauges look the same."""
    families_found = [*parse_openmetrics(text(name) + "# EOF\n")]
    for family in families_found:
        assert family.type == "gauge", family.name
        assert family.documentation.endswith("."), family.name
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket")), family.name
        assert all(sample.labels["environment"] for sample in family.samples)
        if family.name.endswith("_info"):
            assert [sample.value for sample in family.samples] == [1]


@pytest.mark.parametrize("name", FACTS)
def test_promtool_finds_nothing_wrong(name: str) -> None:
    assert complaints(text(name)) == ""


def test_a_subject_with_quotes_and_line_breaks_comes_back_as_it_was() -> None:
    (found,) = (labels for name, labels in series(text("well")) if name == "dataops_release_info")
    assert dict(found)["subject"] == made_up.SUBJECT


def test_what_the_last_run_and_its_tests_came_to() -> None:
    found = series(text("well"))
    assert value(found, "run_status", status="succeeded") == 1
    assert value(found, "run_status", status="failed") == 0
    assert value(found, "runs_kept", status="failed") == 1
    assert value(found, "run_duration_seconds") == 90
    assert value(found, "run_step_duration_seconds", step="silver") == 30.25
    assert value(found, "model_success", layer="gold", model="gld_sales_summary") == 0
    tests = {"layer": "silver", "model": "slvr_customers"}
    assert value(found, "model_tests", **tests, status="pass") == 1
    assert value(found, "model_tests", **tests, status="fail") == 1
    assert value(found, "model_tests", **tests, status="error") == 0
    assert value(found, "model_tests_duration_seconds", **tests) == 0.75
    assert value(found, "published_rows", model="slvr_customers") == 19820
    assert value(found, "published_timestamp_seconds") == made_up.NOW.replace(hour=1, minute=0).timestamp()


def test_health_is_there_where_it_was_looked_at() -> None:
    found = series(text("well"))
    check = {"check": "containers", "layer": "services"}
    results = {result: value(found, "health_check", **check, result=result) for result in Result}
    assert results == {"ok": 0, "warn": 0, "fail": 1, "skipped": 0}
    assert value(found, "health_check_duration_seconds", **check) == 0.5
    assert not any(name.startswith("dataops_health") for name, _labels in series(text("in_trouble")))


def test_a_container_that_does_not_run() -> None:
    found = series(text("in_trouble"))
    postgres = {"service": "postgres", "container": "prod-postgres"}
    dbt = {"service": "dbt", "container": "prod-dbt"}
    assert value(found, "container_running", **postgres) == 0
    assert (value(found, "container_running", **dbt), value(found, "container_healthy", **dbt)) == (1, 0)
    assert value(found, "deployment_outcome", outcome="none yet") == 1
    assert value(found, "pipeline_paused") == value(found, "stack_locked") == 1


def test_a_part_that_cannot_be_had_is_said_to_be_absent() -> None:
    found = series(text("away"))
    parts = {
        dict(labels)["part"]: had for (name, labels), had in found.items() if name == "dataops_part_available"
    }
    assert parts == dict.fromkeys(["data", "engine", "containers", "deployments", "lock", "pipeline"], 0)
    assert {name for name, _labels in found} == {"dataops_part_available", "dataops_environment_info"}


def test_no_runs_and_nothing_published() -> None:
    names = {name for name, _labels in series(text("nothing_yet"))}
    assert not any(name.startswith(("dataops_published", "dataops_run_duration")) for name in names)
    assert value(series(text("nothing_yet")), "run_in_progress") == 0


def test_a_run_that_goes_on_is_not_the_last_one() -> None:
    data = Data(None, [made_up.run(3, "running"), made_up.run(2, "killed", seconds=None)])
    found = series(exposition(families(replace(made_up.embedded(), data=data), None)))
    assert value(found, "run_in_progress") == value(found, "run_status", status="killed") == 1
    assert value(found, "run_duration_seconds") is None


def test_no_deployment_yet() -> None:
    facts = replace(
        made_up.well(), deployments=Deployments([], None), lock=Lock(None), pipeline=Lacking("gone")
    )
    names = {name for name, _labels in series(exposition(families(facts, None)))}
    assert not any("deployment" in name or "release_info" in name for name in names)


def test_the_last_run_is_not_one_that_a_deployment_has_put_back() -> None:
    """As status and health have it."""
    runs = [made_up.run(3, "failed", is_undone=True), made_up.run(2, "succeeded")]
    found = series(exposition(families(made_up.embedded(*runs), None)))
    assert value(found, "run_status", status="succeeded") == 1
    assert value(found, "runs_kept", status="failed") == 1


def test_the_file_is_whole_and_can_be_read_by_all(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        for content in ("first 1\n", "second 2\n"):
            write_textfile(tmp_path / "dataops.prom", content)
    finally:
        os.umask(before)
    assert (tmp_path / "dataops.prom").read_text() == "second 2\n"
    assert stat.S_IMODE((tmp_path / "dataops.prom").stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["dataops.prom"]


@pytest.mark.parametrize("name", ["metrics.txt", "prom", "metrics.prom.bak"])
def test_a_name_that_the_collector_does_not_read_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="would not be read"):
        require_textfile(Path(name))
