"""What failed for a cause that passes is built again, with what was skipped for it; a failed test is not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.dbt.results import NodeResult
from dataops_cli.pipeline import execution
from dataops_cli.pipeline.execution import ATTEMPTS, Execution

DEADLOCK = "deadlock (1205)"


def result(name: str, status: str, message: str | None = None) -> NodeResult:
    return NodeResult(name, status, 0.1, message, None, None)


class Dbt:
    """Gives the answers in turn, and notes what was asked for."""

    def __init__(self, *answers: list[NodeResult]) -> None:
        self.answers = list(answers)
        self.asked: list[list[str]] = []

    def build(self, selectors: list[str], *_args: Any, **_options: Any) -> tuple[list[NodeResult], Any]:
        self.asked.append(selectors)
        return self.answers.pop(0), SimpleNamespace(write=lambda path: Path(path).touch())


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution.time, "sleep", lambda _seconds: None)


def run(folder: Path, dbt: Dbt) -> dict[str, str]:
    fake: Any = SimpleNamespace
    made = Execution(
        project=fake(),
        environment=fake(settings=fake(dbt=fake(threads=2))),
        warehouse=fake(is_passing=lambda message: message == DEADLOCK),
        console=fake(warn=lambda _text: None),
        session=dbt,  # type: ignore[arg-type]
        options=fake(fail_fast=False),
        record=fake(folder=folder),
        lease=fake(),
    )
    nodes: Any = [fake(unique_id=name, select=name) for name in "abc"]
    return {item.unique_id: item.status for item in made._run_dbt(nodes, fake(layer="silver"))}


def test_a_deadlock_is_tried_again_with_what_was_skipped(tmp_path: Path) -> None:
    dbt = Dbt(
        [result("a", "success"), result("b", "error", DEADLOCK), result("c", "skipped")],
        [result("b", "success"), result("c", "pass")],
    )
    assert run(tmp_path, dbt) == {"a": "success", "b": "success", "c": "pass"}
    assert dbt.asked == [["a", "b", "c"], ["b", "c"]]
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["run_results-silver-2.json", "run_results-silver.json"]


def test_a_failed_test_is_an_answer(tmp_path: Path) -> None:
    dbt = Dbt([result("a", "success"), result("b", "error", DEADLOCK), result("c", "fail", "3 rows")])
    assert run(tmp_path, dbt) == {"a": "success", "b": "error", "c": "fail"}
    assert len(dbt.asked) == 1


def test_it_does_not_try_for_ever(tmp_path: Path) -> None:
    answer = [result("a", "success"), result("b", "error", DEADLOCK), result("c", "skipped")]
    dbt = Dbt(answer, *[answer[1:]] * (ATTEMPTS - 1))
    assert run(tmp_path, dbt)["b"] == "error"
    assert len(dbt.asked) == ATTEMPTS
