"""What the DAG's callbacks do to have an event told. Airflow itself is in tests/flow."""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from support import ROOT

# In place of the CLI: writes down how it was called.
RECORDER = """#!{python}
import json, os, sys
open({out!r}, "a").write(json.dumps([sys.argv[1:], sorted(os.environ)]) + chr(10))
print("warning: something")
"""


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    path = ROOT / "airflow" / "dags" / "dataops_events.py"
    spec = importlib.util.spec_from_file_location("dataops_events_here", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "urls").write_text("ops=json://hush")
    program = tmp_path / "dataops"
    program.write_text(RECORDER.format(python=sys.executable, out=str(tmp_path / "calls")))
    program.chmod(0o755)
    monkeypatch.setattr(module, "ADDRESSES", tmp_path / "urls")
    monkeypatch.setattr(module, "DATAOPS", str(program))
    return module


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Airflow's variables, in place of its database."""
    kept: dict[str, str] = {}

    class Variable:
        set = staticmethod(kept.__setitem__)
        delete = staticmethod(kept.pop)

        @staticmethod
        def get(key: str, default: str | None) -> str | None:
            return kept.get(key, default)

    monkeypatch.setitem(sys.modules, "airflow", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "airflow.sdk", SimpleNamespace(Variable=Variable))
    return kept


def calls(tmp_path: Path) -> list[Any]:
    path = tmp_path / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def run_of(**facts: Any) -> SimpleNamespace:
    return SimpleNamespace(dag_id="dataops_pipeline", run_id="manual", **facts)


def test_a_failure_is_told_with_what_is_known_even_without_its_last_task(
    events: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "hush")
    monkeypatch.setenv("DATAOPS_AIRFLOW__SCHEDULE", "")
    monkeypatch.setenv("DATAOPS_ENV", "dev")
    dag = SimpleNamespace(dag_id="dataops_pipeline")
    events.failed({"dag": dag, "run_id": "manual", "reason": "task_failure"})
    [(arguments, names)] = calls(tmp_path)
    assert arguments == [
        "notify",
        "event",
        "pipeline_failed",
        "--dag=dataops_pipeline",
        "--run=manual",
        "--reason=task_failure",
    ]
    assert "DATAOPS_ENV" in names
    assert not [name for name in names if "AIRFLOW" in name]
    assert "dataops event=pipeline_failed dag=dataops_pipeline run=manual reason=task_failure" in caplog.text
    assert "warning: something" in caplog.text


def test_a_success_is_told_once_after_a_failure_that_was_told(
    events: ModuleType, tmp_path: Path, variables: dict[str, str]
) -> None:
    good = {"dag_run": run_of()}
    events.published(good)
    bad = {"dag": SimpleNamespace(dag_id="dataops_pipeline"), "run_id": "manual", "reason": "task_failure"}
    events.failed(bad)
    assert list(variables.values()) == ["manual"]
    events.published(good)
    events.published(good)
    assert [arguments[2] for arguments, _ in calls(tmp_path)] == ["pipeline_failed", "pipeline_recovered"]
    assert variables == {}


def test_another_dag_s_failure_is_named_and_none_of_the_pipeline_s(
    events: ModuleType, tmp_path: Path, variables: dict[str, str]
) -> None:
    dag = SimpleNamespace(dag_id="dataops_cleanup")
    events.failed({"dag": dag, "run_id": "manual", "reason": "task_failure"})
    [(arguments, _)] = calls(tmp_path)
    assert arguments[-1] == "--reason=the DAG dataops_cleanup: task_failure"
    assert variables == {}


def test_a_failure_that_cannot_be_kept_is_told(
    events: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = SimpleNamespace(set=mock.Mock(side_effect=RuntimeError("no database")))
    monkeypatch.setitem(sys.modules, "airflow.sdk", SimpleNamespace(Variable=broken))
    dag = SimpleNamespace(dag_id="dataops_pipeline")
    events.failed({"dag": dag, "run_id": "manual", "reason": "task_failure"})
    assert len(calls(tmp_path)) == 1


def test_without_urls_no_process_is_started(events: ModuleType, tmp_path: Path) -> None:
    for path in (tmp_path / "urls", tmp_path / "none"):
        path.write_text("") if path.name == "urls" else None
        events.ADDRESSES = path
        events.late(run_of())
    assert calls(tmp_path) == []


def test_a_cli_that_hangs_or_is_not_there_fails_nothing(
    events: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    program = tmp_path / "dataops"
    program.write_text("#!/bin/sh\nsleep 60\n")
    events.LIMIT = 0.5
    events.late(run_of())
    assert "The notification was not sent: TimeoutExpired" in caplog.text
    program.unlink()
    events.late(run_of())
    assert "The notification was not sent: FileNotFoundError" in caplog.text
