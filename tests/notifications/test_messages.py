"""What a notification says, word for word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataops_cli.notifications.airflow import NEXT_STEPS, facts_of_run
from dataops_cli.notifications.events import SAYINGS, Event, Facts, Kind, example, message, trial
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Settings
from dataops_cli.settings.services import Notifications

DEPLOY = Facts(
    "prod",
    subject="deploy of 3f2a9c1b7d04",
    release="3f2a9c1b7d04",
    previous="77aa01d2c3e4",
    who="ada",
    why="prices in euro",
    seconds=192.4,
)
RUN = Facts("prod", release="3f2a9c1b7d04", run="20260102T030405-0007", who="ada", seconds=4.24)

GOLDEN = {
    Event.DEPLOY_STARTED: (
        replace(DEPLOY, seconds=None),
        """\
info prod: the deploy of 3f2a9c1b7d04 has started
Environment: prod
Release: 3f2a9c1b7d04 (before: 77aa01d2c3e4)
By: ada
Why: prices in euro""",
    ),
    Event.DEPLOY_SUCCEEDED: (
        DEPLOY,
        """\
success prod: the deploy of 3f2a9c1b7d04 succeeded
Environment: prod
Release: 3f2a9c1b7d04 (before: 77aa01d2c3e4)
By: ada
Why: prices in euro
Took: 3 min 12 s""",
    ),
    Event.DEPLOY_FAILED: (
        replace(
            DEPLOY,
            seconds=3725.0,
            cause="The deploy of 3f2a9c1b7d04 failed: 1 test. prod is back on 77aa01d2c3e4, and healthy",
            details=("failed test nobody: Got 4 results",),
            next_step="Mend it: dataops deploy --env prod",
        ),
        """\
failure prod: the deploy of 3f2a9c1b7d04 failed
Environment: prod
Release: 3f2a9c1b7d04 (before: 77aa01d2c3e4)
By: ada
Why: prices in euro
Took: 1 h 2 min
What went wrong: The deploy of 3f2a9c1b7d04 failed: 1 test. prod is back on 77aa01d2c3e4, and healthy
- failed test nobody: Got 4 results
What to do: Mend it: dataops deploy --env prod""",
    ),
    Event.DEPLOY_ROLLED_BACK: (
        Facts("prod", subject="rollback to 77aa01d2c3e4", release="77aa01d2c3e4", previous="3f2a9c1b7d04"),
        """\
warning prod is back on 77aa01d2c3e4
Environment: prod
Release: 77aa01d2c3e4 (before: 3f2a9c1b7d04)""",
    ),
    Event.PIPELINE_FAILED: (
        replace(
            RUN,
            cause="1 failed; what consumers read is as it was",
            details=("test nobody_spends_much: Got 4 results",),
            link="http://127.0.0.1:8080/dags/dataops_pipeline/runs/manual",
            next_step="Mend the model or test, then continue from there: dataops run --retry",
        ),
        """\
failure prod: the pipeline failed
Environment: prod
Release: 3f2a9c1b7d04
Run: 20260102T030405-0007
By: ada
Took: 4.2 s
What went wrong: 1 failed; what consumers read is as it was
- test nobody_spends_much: Got 4 results
Airflow: http://127.0.0.1:8080/dags/dataops_pipeline/runs/manual
What to do: Mend the model or test, then continue from there: dataops run --retry""",
    ),
    Event.PIPELINE_RECOVERED: (
        RUN,
        """\
success prod: the pipeline works again
Environment: prod
Release: 3f2a9c1b7d04
Run: 20260102T030405-0007
By: ada
Took: 4.2 s""",
    ),
    Event.PIPELINE_LATE: (
        Facts("prod", run="manual", cause="it takes longer than airflow.late_after_minutes"),
        """\
warning prod: the pipeline is late
Environment: prod
Run: manual
What went wrong: it takes longer than airflow.late_after_minutes""",
    ),
    Event.HEALTH_BAD: (
        Facts("prod", cause="1 of 30 checks failed", details=("redis: no answer within 5 s",)),
        """\
failure prod is not healthy
Environment: prod
What went wrong: 1 of 30 checks failed
- redis: no answer within 5 s""",
    ),
    Event.HEALTH_GOOD: (Facts("prod"), "success prod is healthy again\nEnvironment: prod"),
}


@pytest.mark.parametrize("event", Event)
def test_each_event(event: Event) -> None:
    facts, golden = GOLDEN[event]
    said = message(event, facts)
    assert f"{said.kind} {said.title}\n{said.body}" == golden


def test_every_event_is_a_setting_and_has_its_saying() -> None:
    assert [*Notifications.model_fields] == ["airflow_url", *Event]
    assert [*SAYINGS] == [*Event]


def test_an_environment_without_a_release() -> None:
    assert message(Event.DEPLOY_ROLLED_BACK, Facts("dev")).title == "dev is back on no release"


def test_a_long_list_of_faults_is_cut() -> None:
    said = message(Event.HEALTH_BAD, Facts("dev", details=tuple(f"check {n}" for n in range(23))))
    assert said.body.splitlines()[-2:] == ["- check 9", "- and 13 more"]


def test_tests_say_that_they_are_tests() -> None:
    assert trial("dev").title == "dev: a test of notifications"
    said = example(Event.PIPELINE_FAILED, "dev")
    assert (said.title, said.kind) == ("[example] dev: the pipeline failed", Kind.FAILURE)


@pytest.mark.parametrize("event", NEXT_STEPS)
def test_the_page_of_airflow_s_run(event: Event) -> None:
    settings = Settings(notifications=Notifications(airflow_url="https://airflow.example.net/data/"))
    environment = Environment("prod", settings, {})
    run = "scheduled__2026-01-02T01:00:00+00:00"
    facts = facts_of_run(environment, event, dag="dataops_pipeline", run=run, reason="late", release="3f2a")
    assert facts.link == (
        "https://airflow.example.net/data/dags/dataops_pipeline/runs/scheduled__2026-01-02T01%3A00%3A00%2B00%3A00"
    )
    assert f"\nRun: {run}\n" in message(event, facts).body
    nowhere = facts_of_run(
        Environment("prod", Settings(), {}), event, dag="d", run="r", reason="", release=""
    )
    assert nowhere.link == ""


@pytest.mark.parametrize("event", [Event.PIPELINE_FAILED, Event.PIPELINE_LATE])
def test_what_to_do_names_the_run_and_its_dag(event: Event) -> None:
    facts = facts_of_run(
        Environment("prod", Settings(), {}), event, dag="nightly", run="by hand {1}", reason="", release=""
    )
    verbs = ["show", "clear"] if event is Event.PIPELINE_FAILED else ["watch"]
    told = [part.partition(": ")[2] for part in facts.next_step.split(" · ")]
    assert told == [f"dataops airflow {verb} 'by hand {{1}}' --dag nightly" for verb in verbs]
