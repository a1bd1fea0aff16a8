"""Status and metrics of a real DuckDB environment: the same figures as the commands that list runs and generations."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import stat
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dataops_cli.errors import ExitCode
from run.conftest import small_platform
from support import Dataops, clean_environment

pytestmark = pytest.mark.slow

STRICT = ("--vars", '{"strict_names": true}')


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, dataops_here: Dataops) -> Path:
    """A platform with a source; nothing has run yet when the first test looks at it."""
    return small_platform(tmp_path_factory.mktemp("status") / "platform", dataops_here)


@pytest.fixture(scope="module")
def published(platform: Path, dataops_here: Dataops) -> Path:
    """The platform after a run that published, and one whose test failed."""
    good, bad = dataops_here("run", cwd=platform), dataops_here("run", *STRICT, cwd=platform)
    assert (good.returncode, bad.returncode) == (ExitCode.DONE, ExitCode.FAILED), good.stderr + bad.stderr
    return platform


def answer(dataops_here: Dataops, folder: Path, *arguments: str) -> Any:
    done = dataops_here(*arguments, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def series(text: str) -> dict[tuple[str, ...], float]:
    """Name and label values but the environment's, in the order of the labels → value."""
    return {
        (
            sample.name,
            *(sample.labels[key] for key in sorted(sample.labels) if key != "environment"),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_nothing_has_run_yet(platform: Path, dataops_here: Dataops) -> None:
    shown = dataops_here("status", cwd=platform)
    assert shown.returncode == 0
    assert "No runs yet. Start one with: dataops run" in shown.stdout
    assert "published  nothing yet" in shown.stdout
    assert "Containers" not in shown.stdout
    found = series(dataops_here("metrics", cwd=platform).stdout)
    assert found["dataops_runs_kept", "succeeded"] == found["dataops_run_in_progress",] == 0


def test_the_figures_are_those_of_runs_and_generations(published: Path, dataops_here: Dataops) -> None:
    runs = answer(dataops_here, published, "runs")
    (generation,) = answer(dataops_here, published, "generations")
    status = answer(dataops_here, published, "status")

    assert [(run["run_id"], run["status"], run["seconds"]) for run in status["runs"]] == [
        (run["run_id"], run["status"], run["seconds"]) for run in runs
    ]
    assert status["published"] | {"published": True} == generation
    (alert,) = status["alerts"]
    assert (alert["about"], alert["result"]) == ("runs", "fail")
    assert alert["found"] == f"the last run, {runs[0]['run_id']}, failed: {runs[0]['failures']} failure"
    assert (status["engine"], status["containers"], status["deployment"], status["unavailable"]) == (
        *(None, None, None),
        {},
    )

    found = series(dataops_here("metrics", cwd=published).stdout)
    assert {
        name[1]: rows for name, rows in found.items() if name[0] == "dataops_published_rows"
    } == generation["rows"]
    assert found["dataops_run_duration_seconds",] == runs[0]["seconds"]
    assert found["dataops_run_status", "failed"] == found["dataops_runs_kept", "succeeded"] == 1
    assert found["dataops_run_failures",] == runs[0]["failures"]

    results = answer(dataops_here, published, "runs", "show", runs[0]["run_id"])["results"]
    of_tests = [item for item in results if item["unique_id"].startswith("test.")]
    counted = {name: number for name, number in found.items() if name[0] == "dataops_model_tests"}
    assert sum(counted.values()) == len(of_tests)
    assert sum(number for name, number in counted.items() if name[-1] == "pass") == sum(
        item["status"] == "pass" for item in of_tests
    )
    assert found["dataops_model_tests", "bronze", "people", "fail"] == 1
    # A test that a model refers to another by is the model's own.
    assert found["dataops_model_tests_duration_seconds", "bronze", "people"] > 0


def test_a_file_for_the_textfile_collector(published: Path, dataops_here: Dataops) -> None:
    told = answer(dataops_here, published, "metrics", "--out", "textfiles/dataops.prom")
    path = published / "textfiles" / "dataops.prom"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert len(series(path.read_text())) == told["series"]
    listed = answer(dataops_here, published, "metrics")
    assert len(listed) == told["series"]
    assert listed[0]["labels"]["environment"] == "local"
    refused = dataops_here("metrics", "--out", "dataops.txt", cwd=published)
    assert refused.returncode == ExitCode.USAGE
    assert "Name it dataops.prom" in refused.stderr


def test_health_among_the_metrics(published: Path, dataops_here: Dataops) -> None:
    checks = {
        item["name"]: item["result"]
        for item in json.loads(dataops_here("health", "--json", cwd=published).stdout)["checks"]
    }
    found = series(dataops_here("metrics", "--health", cwd=published).stdout)
    told = {
        name[1]: name[-1] for name, number in found.items() if name[0] == "dataops_health_check" and number
    }
    assert told == checks


def test_a_state_that_cannot_be_read_costs_its_own_part_only(published: Path, dataops_here: Dataops) -> None:
    record = sorted((published / ".dataops" / "local" / "runs").glob("*/run.json"))[-1]
    before = record.read_text()
    record.write_text("{")
    try:
        shown = dataops_here("status", cwd=published)
        assert shown.returncode == 0
        assert "is damaged: it is not a state file of dataops" in shown.stdout
        assert "DuckDB; dbt runs in this process" in shown.stdout
        found = series(dataops_here("metrics", cwd=published).stdout)
        assert found["dataops_part_available", "data"] == 0
    finally:
        record.write_text(before)


def test_watching_draws_in_place_on_a_terminal_until_ctrl_c(published: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "status", "--watch"],
        cwd=published,
        env=clean_environment(TERM="xterm"),
        **dict.fromkeys(("stdin", "stdout", "stderr"), theirs),
    )
    os.close(theirs)
    seen = ""
    deadline = time.monotonic() + 120
    while seen.count("Ctrl-C ends it") < 2 and time.monotonic() < deadline:
        if select.select([ours], [], [], 1)[0]:
            seen += os.read(ours, 65536).decode(errors="replace")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == ExitCode.INTERRUPTED
    os.close(ours)
    assert "DuckDB; dbt runs in this process" in seen
    assert "\x1b[1A\x1b[2K" in seen  # one line up, and away with it


def test_watching_without_a_terminal_writes_a_document_a_look(published: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "status", "--watch", "--json"],
        cwd=published,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    looks = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == ExitCode.INTERRUPTED
    assert looks[0]["at"] < looks[1]["at"]
    assert looks[0]["runs"] == looks[1]["runs"] != []
