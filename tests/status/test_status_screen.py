"""What the screen shows of facts that were made up, at the width of a terminal, and what programs get."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from dataops_cli.checks import Result
from dataops_cli.cli.advice import for_environment
from dataops_cli.console import PIPE_WIDTH, plain
from dataops_cli.deploy.journal import Outcome
from dataops_cli.facts.model import Deployments, Facts, Lacking, Lock
from dataops_cli.stack.lock_holder import Holder
from dataops_cli.status.alerts import alerts
from dataops_cli.status.document import document
from dataops_cli.status.screen import one_line, rendered
from dataops_cli.status.spans import moment, span
from status import made_up

SCREENS = Path(__file__).parent / "screens"
FACTS: dict[str, Callable[[], Facts]] = {
    "well": made_up.well,
    "in_trouble": made_up.in_trouble,
    "away": made_up.away,
    "nothing_yet": made_up.embedded,
    "embedded": lambda: made_up.embedded(
        made_up.run(3, "failed", failures=2),
        made_up.run(2, "succeeded"),
        published=made_up.generation(made_up.NOW),
    ),
}


def screen(facts: Facts, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    for part in rendered(facts, advice(facts)):
        console.print(part)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    return "\n".join(lines) + "\n"


def advice(facts: Facts) -> Callable[[str], str]:
    name = facts.environment.name
    return str if name == "local" else lambda text: for_environment(text, name)


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("name", FACTS)
def test_the_screen(name: str, width: int) -> None:
    shown = screen(FACTS[name](), width)
    assert shown == (SCREENS / f"{name}-{width}.txt").read_text()
    assert max(map(len, shown.splitlines())) <= width


def test_in_a_pipe_nothing_is_folded() -> None:
    lines = screen(made_up.in_trouble(), PIPE_WIDTH).splitlines()
    assert any(line.endswith("Before it, the environment was on 0f0f0f0f0f0f") for line in lines)


def test_an_environment_without_a_stack_has_no_empty_boxes() -> None:
    shown = screen(made_up.embedded(), 80)
    for word in (
        "engine",
        "containers",
        "deploy ",
        "lock",
        "schedule",
        "Airflow",
        "CloudBeaver",
        "not known",
    ):
        assert word not in shown


@pytest.mark.parametrize("name", FACTS)
def test_the_document_says_the_same_and_is_json(name: str) -> None:
    facts = FACTS[name]()
    found = json.loads(json.dumps(document(facts, advice(facts)), default=plain))
    assert [item["about"] for item in found["alerts"]] == [*alerts(facts)]
    lacking = {key for key, part in facts.parts().items() if isinstance(part, Lacking)}
    assert found["unavailable"].keys() == lacking
    assert (found["published"] is None) == (name in ("away", "nothing_yet"))


def test_the_document_of_one_that_is_well() -> None:
    found = json.loads(json.dumps(document(made_up.well(), str), default=plain))
    assert found["release"] == {
        "name": made_up.RELEASE,
        "sha": made_up.RELEASED.sha,
        "subject": made_up.SUBJECT,
        "since": "2026-11-28T22:09:34+00:00",
        "by": "ada",
        "deployment": 12,
    }
    assert found["schedule"] == {"cron": "0 1 * * *", "paused": False, "next": "2026-11-30T01:00:00+00:00"}
    assert found["published"]["rows"] == {"slvr_customers": 19820, "gld_sales_summary": 1124}
    assert (found["alerts"], found["unavailable"], found["lock"]) == ([], {}, None)
    assert found["links"]["CloudBeaver"] == "http://127.0.0.1:28978"


def test_a_deploy_that_goes_on_is_none_that_was_cut_off() -> None:
    facts = {"command": "dataops deploy", "user": "ada", "host": "elsewhere", "pid": "1", "since": "now"}
    going_on = replace(
        made_up.well(),
        deployments=Deployments([made_up.deployment(13, None)], None),
        lock=Lock(Holder("lock", facts, "running", 1.0)),
    )
    assert alerts(going_on)["release"].found == "a deploy goes on"
    assert "deploy 13 of 1a2b3c4d5e6f, goes on" in screen(going_on, 100)
    cut_off = replace(going_on, lock=Lock(None))
    assert alerts(cut_off)["release"].remedy == "dataops repair"
    # Also where nobody knows what the stack is to be.
    assert "was cut off" in alerts(replace(cut_off, stack=Lacking("gone")))["release"].found


def test_a_deploy_that_could_not_be_put_back_is_an_alert_and_one_that_was_is_none() -> None:
    def after(outcome: Outcome) -> Facts:
        last = made_up.deployment(13, outcome, "abcabcabcabc")
        before = made_up.deployment(12, Outcome.SUCCEEDED)
        return replace(made_up.well(), deployments=Deployments([last, before], made_up.RELEASED))

    assert "failed, and not put back" in alerts(after(Outcome.BROKEN))["release"].found
    assert alerts(after(Outcome.UNDONE)) == {}


def test_a_paused_pipeline_is_an_alert_where_there_is_a_schedule() -> None:
    paused = replace(made_up.in_trouble(), stack=made_up.installation())
    assert alerts(paused)["pipeline"].remedy == "dataops airflow unpause dataops_pipeline"
    on_demand = replace(paused, environment=made_up.production(schedule=None))
    assert "failed" in alerts(on_demand)["pipeline"].found  # its last run


@pytest.mark.parametrize(
    ("run", "found"),
    [
        (made_up.run(1, "succeeded"), None),
        (made_up.run(1, "failed", failures=1), "the last run, 20261129T010004-0001, failed: 1 failure"),
        (made_up.run(1, "failed", reason="no space"), "the last run, 20261129T010004-0001, failed: no space"),
        (made_up.run(1, "killed"), "the last run, 20261129T010004-0001, was killed"),
        (made_up.run(1, "running"), "run 20261129T010004-0001 goes on for 390 minutes already"),
        (made_up.run(1, "running", started_at="2026-11-29T07:00:00+00:00"), None),
    ],
)
def test_what_of_a_run_is_an_alert(run: made_up.Run, found: str | None) -> None:
    told = alerts(made_up.embedded(run, published=made_up.generation(made_up.NOW)))
    assert (told["runs"].found if "runs" in told else None) == found
    if found:
        assert told["runs"].result is (Result.FAIL if run.status == "failed" else Result.WARN)


def test_one_line_has_no_line_breaks_nor_what_a_terminal_obeys() -> None:
    assert one_line(made_up.SUBJECT) == 'Add "margins" to gold \\ [31mred'


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((None, ""), (0, "0.0 s"), (9.96, "10.0 s"), (94, "94 s"), (119, "119 s"), (121, "2 min")),
        *((7199, "120 min"), (7200, "2 h"), (2 * 86400 - 1, "48 h"), (2 * 86400, "2 days")),
    ],
)
def test_spans(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


def test_moments() -> None:
    assert moment("2026-11-29T02:00:00+01:00", made_up.NOW) == "2026-11-29 01:00 UTC, 6 h ago"
    assert moment(made_up.NOW.replace(hour=8), made_up.NOW) == "2026-11-29 08:30 UTC, in 60 min"
    assert moment(None, made_up.NOW) == ""
