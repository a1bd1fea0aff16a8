"""`dataops airflow …` from the command line: what it prints, its JSON and its exit codes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fake_airflow import PASSWORD, FakeAirflow, answer, slow, task

from support import Dataops, clean_environment, until

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path]) -> Path:
    return new_platform(tmp_path_factory.mktemp("platform"))


def variables(fake: FakeAirflow) -> dict[str, str]:
    return {"DATAOPS_AIRFLOW__URL": fake.url, "DATAOPS_SECRETS__AIRFLOW_ADMIN_PASSWORD": PASSWORD}


@pytest.fixture
def run(fake: FakeAirflow, dataops_here: Dataops, platform: Path) -> Run:
    """`dataops airflow ARGUMENTS`, with the fake server as the environment's Airflow."""

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return dataops_here("airflow", *arguments, cwd=platform, **variables(fake))

    return command


# Where `dataops run` triggers the DAG; no engine keeps its audit.
BY_AIRFLOW = {"DATAOPS_ENV": "dev", "DOCKER_HOST": "unix:///nowhere/docker.sock"}


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


FAILED = [
    task("bronze", "success"),
    task("silver", "failed", 2, max_tries=1),
    task("gold", "upstream_failed"),
]


@pytest.fixture
def failed(fake: FakeAirflow) -> None:
    fake.add_run("dataops_pipeline", "one", "failed", conf={"layer": "gold"})
    fake.frames.append(("failed", FAILED))
    fake.logs["silver", 2] = [
        {"timestamp": "2026-01-31T01:00:02Z", "event": "two rows are empty", "level": "error"}
    ]


def test_dags(run: Run, fake: FakeAirflow) -> None:
    fake.add_dag(
        "daily", paused=True, timetable_summary="0 1 * * *", next_dagrun_run_after="2026-02-01T01:00:00Z"
    )
    fake.add_dag("hourly", description="Each hour")
    done = run("dags")
    assert (done.returncode, done.stderr) == (0, "")
    assert lines(done.stdout) == [
        "dag                state    schedule    next_run                 file                  description",
        "──────────────────────────────────────────────────────────────────────────────────────────────────",
        "dataops_pipeline   active                                        dataops_pipeline.py",
        "daily              paused   0 1 * * *   2026-02-01T01:00+00:00   daily.py",
        "hourly             active                                        hourly.py             Each hour",
    ]
    assert [dag["dag_id"] for dag in json.loads(run("dags", "--json").stdout)] == [
        "dataops_pipeline",
        "daily",
        "hourly",
    ]


def test_dags_whose_files_cannot_be_imported_are_missed(run: Run, fake: FakeAirflow) -> None:
    broken = {"filename": "broken.py", "timestamp": None, "stack_trace": "Traceback"}
    fake.import_errors.append(broken)
    done = run("dags")
    assert (done.returncode, lines(done.stderr)) == (
        0,
        [
            "warning: 1 file cannot be imported: its DAGs are missing here",
            "  → See why: dataops airflow import-errors",
        ],
    )
    fake.import_errors.append(broken)
    assert "2 files cannot be imported: their DAGs are missing here" in run("dags", "--json").stderr


def test_trigger_and_wait(run: Run, fake: FakeAirflow) -> None:
    fake.frames.append(("success", [task(name, "success") for name in ("bronze", "silver", "gold")]))
    done = run(
        "trigger", "--run-id", "mine", "--conf", "layer=gold", "--conf", '{"n": 1}', "--conf", "n=2", "--wait"
    )
    assert done.returncode == 0
    assert fake.runs["dataops_pipeline", "mine"]["conf"] == {"layer": "gold", "n": 2}
    assert lines(done.stdout) == [
        "task     state     try   seconds",
        "────────────────────────────────",
        "bronze   success   1         1.5",
        "silver   success   1         1.5",
        "gold     success   1         1.5",
        "",
        "Succeeded: dataops_pipeline mine in 8.5 s",
    ]
    assert done.stderr.startswith("Triggered dataops_pipeline mine\n")


@pytest.mark.parametrize("conf", ["layer", "=gold", "{layer: gold}"])
def test_a_conf_that_is_none(run: Run, conf: str) -> None:
    done = run("trigger", "--conf", conf)
    assert done.returncode == 2
    assert "--conf" in done.stderr


def test_a_paused_dag_is_refused(run: Run, fake: FakeAirflow) -> None:
    fake.dags["dataops_pipeline"]["is_paused"] = True
    done = run("trigger")
    assert done.returncode == 5
    assert lines(done.stderr) == [
        "error: DAG dataops_pipeline is paused: a run would be accepted, and stay queued for ever",
        "  → Unpause it with the run by --unpause, or: dataops airflow unpause dataops_pipeline · "
        "That also starts its schedule, if it has one: it has none",
    ]
    planned = run("trigger", "--unpause", "--plan", "--conf", "layer=gold")
    assert lines(planned.stdout) == [
        'trigger dataops_pipeline with {"layer": "gold"}',
        "unpause dataops_pipeline: it is paused",
    ]
    assert (fake.runs, fake.asked("PATCH", "")) == ({}, [])


@pytest.mark.parametrize(
    ("run_id", "said"),
    [
        ("a/b", "'a/b' cannot be a run's id"),
        ("", "'' cannot be a run's id"),
        ("taken", "has a run taken already"),
    ],
)
@pytest.mark.parametrize("plan", [(), ("--plan",)])
def test_an_id_that_a_run_cannot_have(
    run: Run, fake: FakeAirflow, run_id: str, said: str, plan: tuple[str, ...]
) -> None:
    fake.add_run("dataops_pipeline", "taken")
    done = run("trigger", "--run-id", run_id, *plan)
    assert (done.returncode, said in done.stderr, len(fake.runs)) == (2, True, 1), done.stderr


def test_a_plan_names_the_run(run: Run) -> None:
    assert run("trigger", "--run-id", "my run", "--plan").stdout == (
        "trigger dataops_pipeline as my run with {}\n"
    )


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            1,
            [
                "Mend the cause, then let what failed run again: dataops airflow clear one --dag dataops_pipeline"
            ],
        ),
        (
            2,
            [
                "Mend the cause, then let what failed run again: dataops airflow clear one --dag dataops_pipeline",
                "Where its parameters are the cause, start a new run: dataops airflow trigger dataops_pipeline",
            ],
        ),
        (
            5,
            [
                "It would fail again; start a new run: "
                """dataops airflow trigger dataops_pipeline --conf '{"layer": ["gold"]}'"""
            ],
        ),
    ],
)
def test_what_to_do_about_a_task_of_the_cli(run: Run, fake: FakeAirflow, code: int, told: list[str]) -> None:
    fake.add_run("dataops_pipeline", "one", "failed", conf={"layer": ["gold"]})
    fake.frames.append(("failed", [task("freshness", "failed")]))
    ended = f"AirflowFailException: dataops ended with exit code {code}: see the lines above."
    fake.logs["freshness", 1] = [{"timestamp": "2026-01-31T01:00:02Z", "event": ended}]
    assert lines(run("watch").stdout)[-len(told) - 1 :] == [
        "  → Its whole log: dataops airflow logs freshness one --dag dataops_pipeline",
        *(f"  → {line}" for line in told),
    ]


@pytest.mark.usefixtures("failed")
def test_watch_a_run_that_failed(run: Run) -> None:
    done = run("watch")
    assert done.returncode == 1
    assert lines(done.stdout) == [
        "task     state             try   seconds",
        "────────────────────────────────────────",
        "bronze   success           1         1.5",
        "silver   failed            2/2       1.5",
        "gold     upstream_failed",
        "",
        "failed silver, try 2",
        "  two rows are empty",
        "",
        "Failed: dataops_pipeline one in 8.5 s",
        "  → Its whole log: dataops airflow logs silver one --dag dataops_pipeline",
        "  → Mend the cause, then let what failed run again: dataops airflow clear one --dag dataops_pipeline",
    ]
    document = json.loads(run("watch", "one", "--json").stdout)
    assert (document["state"], document["failures"]) == (
        "failed",
        [{"task": "silver", "try": 2, "log": ["two rows are empty"]}],
    )


# What the step silver returns, where a test of it fails.
SILVER = {
    "run_id": "20260131T010000Z-1a2b3c",
    "as_of_date": "2014-06-30",
    "published": False,
    "models": [
        {
            "model": "slvr_customers",
            "status": "success",
            "rows": 19820,
            "passed": 7,
            "failed": 1,
            "seconds": 0.4,
        }
    ],
    "failures": [
        {
            "kind": "test",
            "name": "no_big_spender",
            "message": "Got 1 result",
            "rows": [{"customer_id": 29818}],
        }
    ],
}


@pytest.mark.usefixtures("failed")
@pytest.mark.parametrize("words", [["watch", "one"], ["trigger", "--run-id", "two", "--wait"]])
def test_the_rows_that_made_a_test_fail_are_shown_to_whoever_watches(
    run: Run, fake: FakeAirflow, words: list[str]
) -> None:
    fake.returned |= {"silver": SILVER, "bronze": {"models": 3}}
    shown = [
        "  slvr_customers: success, 19,820 rows, 1 test failed, 0.4 s",
        "  failed no_big_spender: Got 1 result",
        "    customer_id=29818",
    ]
    done = run(*words)
    assert done.returncode == 1
    assert lines(done.stdout)[2:7] == [
        "bronze                                                         success           1         1.5",
        "silver                                                         failed            2/2       1.5",
        *shown,
    ]
    assert [f"  {line}" for line in shown] == [line for line in lines(done.stderr) if line.startswith("    ")]


@pytest.fixture
def cut_off(fake: FakeAirflow) -> None:
    """A run that took longer than its DAG allows: what was at work, and what waited, is skipped."""
    fake.add_run("dataops_pipeline", "by hand", "failed")
    gold = task("gold", "skipped") | {"try_number": 1}
    fake.frames.append(("failed", [task("bronze", "success"), gold, task("publish", "skipped")]))


REASON = (
    "No task failed: the run took longer than its DAG allows (dagrun_timeout), or was ended by hand. "
    "Not done: gold, publish"
)


@pytest.mark.usefixtures("cut_off")
def test_a_run_that_was_cut_off_says_so(run: Run) -> None:
    done = run("watch", "by hand")
    assert done.returncode == 1
    assert lines(done.stdout)[-5:] == [
        "",
        "Failed: dataops_pipeline by hand in 8.5 s",
        f"  {REASON}",
        "  → How far it came: dataops airflow logs gold 'by hand' --dag dataops_pipeline",
        "  → Let it go on from where it was: dataops airflow clear 'by hand' --dag dataops_pipeline",
    ]
    assert json.loads(run("watch", "--json").stdout)["reason"] == REASON
    assert json.loads(run("show", "--json").stdout)["reason"] == REASON
    assert lines(run("clear", "--plan").stdout) == ["clear gold: skipped", "clear publish: skipped"]


@pytest.mark.usefixtures("failed")
def test_a_run_with_a_failed_task_was_not_cut_off(run: Run) -> None:
    assert json.loads(run("show", "--json").stdout)["reason"] is None
    assert lines(run("show").stdout)[-1] == (
        "  → Its results, and the end of the log of what failed: dataops airflow watch one --dag dataops_pipeline"
    )


def test_a_run_id_that_is_there_is_refused_with_its_dag(run: Run, fake: FakeAirflow) -> None:
    fake.add_dag("report")
    fake.add_run("report", "by hand")
    done = run("trigger", "report", "--run-id", "by hand")
    assert (done.returncode, lines(done.stderr)) == (
        2,
        [
            "error: DAG report has a run by hand already",
            "  → Give it another --run-id, or look at that one: dataops airflow show 'by hand' --dag report",
        ],
    )


@pytest.mark.usefixtures("failed")
def test_runs_show_and_tasks(run: Run) -> None:
    assert lines(run("runs").stdout) == [
        "run_id   state    type     started_at            seconds   by",
        "────────────────────────────────────────────────────────────────",
        "one      failed   manual   2026-01-31 01:00:01       8.5   admin",
    ]
    shown = run("show").stdout
    assert '{"layer": "gold"}' in shown
    assert "upstream_failed" in shown
    tries = json.loads(run("tasks", "--json").stdout)
    assert [(item["task"], item["try_number"], item["state"]) for item in tries] == [
        ("bronze", 1, "success"),
        ("silver", 1, "failed"),
        ("silver", 2, "failed"),
        ("gold", 0, "upstream_failed"),
    ]


@pytest.mark.usefixtures("failed")
def test_logs(run: Run) -> None:
    assert run("logs", "silver").stdout == "01:00:02 error   two rows are empty\n"
    assert json.loads(run("logs", "silver", "one", "--json").stdout)["text"] == "two rows are empty"
    missing = run("logs", "copper")
    assert (missing.returncode, lines(missing.stderr)[1]) == (2, "  → It has: bronze, silver, gold")
    assert "Task silver has no try 7: its latest is 2" in run("logs", "silver", "--try", "7").stderr
    assert run("logs", "gold").stderr == "gold has not begun: it is upstream_failed.\n"
    gone = run("logs", "bronze")
    assert (gone.returncode, lines(gone.stderr)[0]) == (2, "error: Task bronze has no try 1 any more")


def test_logs_of_what_has_not_begun(run: Run, fake: FakeAirflow) -> None:
    fake.add_run("dataops_pipeline", "one", "running")
    fake.frames.append(("running", [task("silver", None), task("gold", "running")]))
    fake.logs["gold", 1] = []
    assert run("logs", "silver").stderr == "silver has not begun.\n"
    assert run("logs", "gold").stderr == "gold has written nothing: it is running.\n"


@pytest.mark.usefixtures("failed")
def test_clear(run: Run, fake: FakeAirflow) -> None:
    planned = run("clear", "--plan")
    assert lines(planned.stdout) == ["clear silver: failed", "clear gold: upstream_failed"]
    run("clear", "one")
    run("clear", "one", "--task", "bronze")
    asked = fake.asked("POST", "/clearTaskInstances")
    assert [(body["task_ids"], body["include_downstream"], body["dry_run"]) for body in asked] == [
        (["silver", "gold"], True, True),
        (["silver", "gold"], True, False),
        (["bronze"], False, False),
    ]
    assert run("clear", "one", "--task", "copper").returncode == 2


def test_clear_of_a_stopped_run_takes_what_was_skipped(run: Run, fake: FakeAirflow) -> None:
    """Of what its DAG skipped itself, `rare` has a task behind it that was done; nothing comes after `leaf`."""
    after = {"choose": ["rare", "usual"], "rare": ["join"], "usual": ["join"], "join": [], "leaf": []}
    fake.add_dag("branches", downstream=after | {"slow": ["last"], "last": []})
    fake.add_run("branches", "one", "failed")
    states = {
        "choose": "success",
        "rare": "skipped",
        "usual": "success",
        "join": "success",
        "leaf": "skipped",
    }
    states |= {"slow": "failed", "last": "skipped", "gone": "removed"}
    fake.frames.append(("failed", [task(name, state) for name, state in states.items()]))
    planned = run("clear", "one", "--dag", "branches", "--plan")
    assert sorted(lines(planned.stdout)) == [
        "clear last: skipped",
        "clear leaf: skipped",
        "clear slow: failed",
    ]


def test_clear_of_a_run_that_succeeded_takes_what_failed_alone(run: Run, fake: FakeAirflow) -> None:
    fake.add_run("dataops_pipeline", "one", "success")
    fake.frames.append(("success", [task("bronze", "failed"), task("silver", "skipped")]))
    assert lines(run("clear", "--plan").stdout) == ["clear bronze: failed"]


def test_pause_and_unpause(run: Run, fake: FakeAirflow) -> None:
    assert run("pause", "--plan").stdout == "pause dataops_pipeline\n"
    assert not fake.dags["dataops_pipeline"]["is_paused"]
    assert run("pause").stdout == "dataops_pipeline is paused.\n"
    assert run("pause").stdout == "dataops_pipeline is paused already.\n"
    assert json.loads(run("unpause", "--json").stdout)["changed"]
    assert not fake.dags["dataops_pipeline"]["is_paused"]


def test_backfill(run: Run, fake: FakeAirflow) -> None:
    words = ["backfill", "--from", "2026-01-01", "--to", "2026-01-01", "--conf", "layer=gold"]
    assert run(*words[:-3], "2026-01-01T00:30:00").stdout.startswith(
        "Nothing to run: no date of the schedule"
    )
    assert run(*words, "--plan").stdout == "run dataops_pipeline for 2026-01-01T01:00+00:00\n"
    assert fake.asked("POST", "/backfills") == []
    assert run(*words).stdout.startswith("Backfill 7 of dataops_pipeline: 1 run\n")
    (body,) = fake.asked("POST", "/backfills")
    assert body["from_date"].startswith("2026-01-01T00:00:00")
    assert (body["dag_run_conf"], body["reprocess_behavior"]) == ({"layer": "gold"}, "none")
    assert run("backfill", "--from", "2026-01-02", "--to", "2026-01-01").returncode == 2
    assert run("backfill", "--from", "2026-01-02", "--to", "soon").returncode == 2
    running = "There is already a running backfill for dag dataops_pipeline"
    fake.faults_of["/backfills"] = [answer(409, json.dumps({"detail": running}))]
    waits = run(*words)
    assert (waits.returncode, lines(waits.stderr)) == (
        4,
        [
            f"error: {running}",
            "  → Wait until it has ended: dataops airflow runs dataops_pipeline --type backfill",
        ],
    )
    many = run(*words, "--max-active-runs", "2")
    assert (many.returncode, "the warehouse has one writer" in many.stderr) == (2, True)


def test_a_backfill_that_has_been(run: Run, fake: FakeAirflow) -> None:
    for day, state in ((1, "success"), (2, "running")):
        date = f"2026-01-0{day}T01:00:00Z"
        fake.add_run("dataops_pipeline", f"run_{day}", state, logical_date=date, run_type="backfill")
    words = ["backfill", "--from", "2026-01-01", "--to", "2026-01-02"]
    assert lines(run(*words).stdout) == [
        "Nothing to run: the runs are there already (1 success, 1 running).",
        "  → Do them again: dataops airflow backfill dataops_pipeline --from 2026-01-01T00:00:00 --to 2026-01-02 "
        "--again completed",
    ]
    assert "are not done again while they go on" in run(*words, "--again", "completed").stdout


def test_a_backfill_of_a_dag_without_dates(run: Run, fake: FakeAirflow) -> None:
    fake.add_dag("dataops_pipeline", timetable_periodic=False)
    fake.add_dag("report", timetable_periodic=False, timetable_summary="Asset")
    done = run("backfill", "--from", "2026-01-01", "--to", "2026-01-02")
    assert (done.returncode, lines(done.stderr)) == (
        2,
        [
            "error: DAG dataops_pipeline has no dates to run for: its schedule is on demand only",
            '  → Set airflow.schedule in the environment\'s settings, such as "0 2 * * *", then: dataops up '
            "· For one run: dataops airflow trigger dataops_pipeline",
        ],
    )
    done = run("backfill", "report", "--from", "2026-01-01", "--to", "2026-01-02")
    assert "its schedule is Asset" in done.stderr
    assert "Give it a schedule with dates in report.py." in done.stderr


@pytest.mark.parametrize("plan", [(), ("--plan",)])
def test_parameters_are_checked_before_anything_is_done(
    run: Run, fake: FakeAirflow, plan: Sequence[str]
) -> None:
    fake.params = {"layer": {"value": [], "schema": {"type": "array", "items": {"enum": ["silver", "gold"]}}}}
    done = run("trigger", "--conf", "layer=copper", *plan)
    assert (done.returncode, lines(done.stderr)) == (
        2,
        [
            'error: Parameter layer of DAG dataops_pipeline: "copper" is none of silver, gold',
            """  → Write it as --conf '{"layer": ["silver"]}'""",
        ],
    )
    assert "Did you mean layer?" in run("trigger", "--conf", "layr=gold", *plan).stderr
    assert fake.runs == {}
    done = run("trigger", "--run-id", "mine", "--conf", "layer=gold", *plan)
    assert done.returncode == 0
    assert [run["conf"] for run in fake.runs.values()] == ([] if plan else [{"layer": ["gold"]}])


@pytest.mark.parametrize("timeout", ["abc", "-5", "0", "0s"])
@pytest.mark.parametrize(
    "words",
    [
        ["airflow", "trigger"],
        ["airflow", "watch"],
        ["run"],
        ["up"],
        ["worker", "up"],
        ["worker", "stop"],
        ["health"],
    ],
)
def test_a_timeout_is_checked_first(
    dataops_here: Dataops, platform: Path, fake: FakeAirflow, words: list[str], timeout: str
) -> None:
    fake.add_run("dataops_pipeline", "one", "success")
    done = dataops_here(*words, "--timeout", timeout, cwd=platform, **variables(fake), **BY_AIRFLOW)
    assert done.returncode == 2
    assert ("is no span of time" in done.stderr) or (f"--timeout is {timeout}" in done.stderr)
    assert fake.calls == []


@pytest.mark.parametrize("option", [["--timeout", "5m"], ["--follow-logs"], ["--follow-logs", "--plan"]])
def test_nothing_is_watched_with_no_wait(
    dataops_here: Dataops, platform: Path, fake: FakeAirflow, option: list[str]
) -> None:
    done = dataops_here("run", "--no-wait", *option, cwd=platform, **variables(fake), **BY_AIRFLOW)
    assert done.returncode == 2
    assert "which --no-wait does not" in done.stderr
    assert fake.calls == []


def test_that_a_dag_was_unpaused_is_said(run: Run, fake: FakeAirflow) -> None:
    fake.add_dag("dataops_pipeline", paused=True, timetable_summary="0 1 * * *")
    done = run("trigger", "--unpause")
    assert done.stderr == "Unpaused dataops_pipeline: its schedule starts runs, too (0 1 * * *)\n"


def test_runs_that_there_are_none_of(run: Run) -> None:
    assert run("runs", "--state", "failed").stdout == (
        "No run of dataops_pipeline is failed. All of them: dataops airflow runs dataops_pipeline\n"
    )
    assert run("runs").stdout == (
        "dataops_pipeline has never run. Start a run: dataops airflow trigger dataops_pipeline\n"
    )


def test_names_that_cannot_be(run: Run) -> None:
    done = run("show", "it's", "--dag", "my dag/../x")
    assert (done.returncode, lines(done.stderr)[0]) == (
        2,
        "error: 'my dag/../x' cannot be a DAG: a name has letters, digits, dots, dashes and underscores",
    )
    done = run("show", "it's")
    assert (done.returncode, lines(done.stderr)[0]) == (2, "error: DAG dataops_pipeline has no run it's")


def test_runs_of_a_type(run: Run, fake: FakeAirflow) -> None:
    fake.add_run("dataops_pipeline", "mine")
    fake.add_run("dataops_pipeline", "filled", run_type="backfill")
    found = json.loads(run("runs", "--type", "backfill", "--json").stdout)
    assert [item["run_id"] for item in found] == ["filled"]
    assert run("runs", "--type", "scheduled", "--state", "failed", "--state", "success").stdout == (
        "No run of dataops_pipeline is failed or success and scheduled. "
        "All of them: dataops airflow runs dataops_pipeline\n"
    )


def test_stop(run: Run, fake: FakeAirflow) -> None:
    for name, state in (("one", "running"), ("two", "queued"), ("done", "success")):
        fake.add_run("dataops_pipeline", name, state)
    assert lines(run("stop", "two", "done", "last", "--plan").stdout) == [
        "stop two: it is queued",
        "done has ended already: success",
        "stop one: it is running",
    ]
    assert run("stop", "one", "none").returncode == 2
    assert fake.asked("PATCH", "") == []
    assert lines(run("stop", "one", "one", "done").stdout) == [
        "Stopped one: it is failed",
        "  → Let it go on from where it was: dataops airflow clear one --dag dataops_pipeline",
        "done has ended already: success",
    ]
    document = json.loads(run("stop", "two", "--json").stdout)
    assert document == [
        {
            "dag_id": "dataops_pipeline",
            "run_id": "two",
            "state": "failed",
            "changed": True,
            "plan_only": False,
        }
    ]
    assert [fake.runs["dataops_pipeline", name]["state"] for name in ("one", "two", "done")] == [
        "failed",
        "failed",
        "success",
    ]
    assert run("stop").returncode == 2


def test_show_says_what_a_queued_run_waits_for(run: Run, fake: FakeAirflow) -> None:
    fake.add_dag("dataops_pipeline", max_active_runs=1)
    fake.add_run("dataops_pipeline", "new", "queued")
    fake.add_run("dataops_pipeline", "old", "running")
    assert json.loads(run("show", "new", "--json").stdout)["waiting"] == "waits for run old"
    assert json.loads(run("show", "old", "--json").stdout)["waiting"] is None


def test_import_errors(run: Run, fake: FakeAirflow) -> None:
    assert run("import-errors").stdout == "Every file of DAGs can be read.\n"
    fake.import_errors.append(
        {"filename": "broken.py", "timestamp": None, "stack_trace": "Traceback\nSyntaxError: no\n"}
    )
    done = run("import-errors")
    assert (done.returncode, lines(done.stdout)) == (1, ["broken.py", "  Traceback", "  SyntaxError: no"])


def test_health(run: Run, fake: FakeAirflow) -> None:
    fake.health["triggerer"] = {"status": None}
    done = run("health")
    assert done.returncode == 0
    assert lines(done.stdout) == [
        f"Airflow 3.3.2 at {fake.url}",
        "",
        "part           status     heartbeat",
        "───────────────────────────────────",
        "metadatabase   healthy",
        "triggerer      not used",
    ]
    fake.health["dag_processor"] = {"status": None}
    done = run("health")
    assert (done.returncode, "dag_processor   missing" in done.stdout) == (1, True)
    assert "Not healthy: dag_processor" in done.stderr
    fake.health["scheduler"] = {"status": "unhealthy", "latest_scheduler_heartbeat": "2026-01-31T01:00:00Z"}
    done = run("health")
    assert done.returncode == 1
    assert "Not healthy: dag_processor, scheduler" in done.stderr


def test_users(run: Run, fake: FakeAirflow) -> None:
    others = run("users")
    assert (others.returncode, "its auth manager is not FAB's" in others.stderr) == (3, True)
    fake.sign_in_faults += [answer(404)]
    fake.faults_of["/version"] = [answer(404)]
    stranger = run("users")
    assert (stranger.returncode, "is not Airflow 3" in stranger.stderr) == (3, True)
    fake.sign_in_faults += [answer(401, "{}")] * 2
    wrong = run("users")
    assert (wrong.returncode, "does not accept user admin" in wrong.stderr) == (3, True)
    fake.users = [
        {
            "username": "admin",
            "email": "a@b",
            "roles": [{"name": "Admin"}],
            "active": True,
            "last_login": None,
        }
    ]
    assert lines(run("users").stdout)[2] == "admin   Admin   true     a@b"


def test_open_prints_the_address(run: Run, fake: FakeAirflow) -> None:
    assert run("open").stdout == f"{fake.url} (sign in as admin)\n"
    assert fake.calls == []


def test_no_airflow_and_no_password(dataops_here: Dataops, platform: Path, fake: FakeAirflow) -> None:
    done = dataops_here("airflow", "dags", cwd=platform)
    assert done.returncode == 2
    assert "The environment local has no Airflow" in done.stderr
    done = dataops_here("airflow", "dags", cwd=platform, DATAOPS_AIRFLOW__URL=fake.url)
    assert done.returncode == 3
    assert "secrets.airflow_admin_password" in done.stderr


@pytest.mark.parametrize(
    ("environment", "settings", "url"),
    [
        ("dev", {}, "http://127.0.0.1:8080"),
        ("staging", {}, "http://127.0.0.1:18080"),
        ("dev", {"DATAOPS_STACK__BIND_ADDRESS": "0.0.0.0"}, "http://127.0.0.1:8080"),  # noqa: S104
        ("dev", {"DATAOPS_STACK__BIND_ADDRESS": "10.0.0.5"}, "http://10.0.0.5:8080"),
        ("dev", {"DATAOPS_STACK__BIND_ADDRESS": "::1"}, "http://[::1]:8080"),
        ("dev", {"DATAOPS_AIRFLOW__URL": "https://air.example/flow/api/v2/"}, "https://air.example/flow"),
    ],
)
def test_where_airflow_is(
    dataops_here: Dataops, platform: Path, environment: str, settings: dict[str, str], url: str
) -> None:
    done = dataops_here("airflow", "open", "--json", "--env", environment, cwd=platform, **settings)
    assert json.loads(done.stdout)["url"] == url


def begin(
    fake: FakeAirflow,
    platform: Path,
    *arguments: str,
    terminal: int | None = None,
    group: Sequence[str] = ("airflow",),
    **more: str,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", *group, *arguments],
        cwd=platform,
        env=clean_environment(**variables(fake), **more, TERM="xterm-256color", COLUMNS="200"),
        stdin=subprocess.DEVNULL if terminal is None else terminal,
        stdout=subprocess.PIPE if terminal is None else terminal,
        stderr=subprocess.PIPE if terminal is None else terminal,
    )


def until_asked(fake: FakeAirflow, ending: str, times: int = 1) -> None:
    until(lambda: len(fake.asked("GET", ending)) >= times)


@pytest.fixture
def endless(fake: FakeAirflow) -> None:
    fake.add_run("dataops_pipeline", "one")
    fake.frames.append(("running", [task("bronze", "running")]))


@pytest.mark.usefixtures("endless")
def test_ctrl_c_in_a_pipe_detaches(fake: FakeAirflow, platform: Path) -> None:
    process = begin(fake, platform, "watch")
    until_asked(fake, "/taskInstances")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.decode().splitlines()[-2:] == [
        "error: Detached: run one goes on",
        "  → Watch it again: dataops airflow watch one --dag dataops_pipeline",
    ]
    assert fake.runs["dataops_pipeline", "one"]["state"] == "running"


@pytest.mark.parametrize("words", [["airflow", "trigger", "--wait"], ["run"]], ids=["trigger", "run"])
def test_ctrl_c_just_after_the_trigger_detaches(fake: FakeAirflow, platform: Path, words: list[str]) -> None:
    fake.frames.append(("running", [task("bronze", "running")]))
    process = begin(fake, platform, *words, group=(), **BY_AIRFLOW)
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"Triggered dataops_pipeline dataops__")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"error: Detached: run dataops__" in stderr
    assert b"Watch it again: dataops airflow watch --env dev dataops__" in stderr


@pytest.mark.usefixtures("endless")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_a_command_from_outside_asks_nothing(
    fake: FakeAirflow, platform: Path, number: int
) -> None:
    leader, follower = pty.openpty()
    process = begin(fake, platform, "watch", terminal=follower)
    os.close(follower)
    until_asked(fake, "/taskInstances")
    process.send_signal(number)
    written = b""
    while b"Watch it again" not in written:
        written += os.read(leader, 4096)
    assert process.wait(timeout=60) == 130
    os.close(leader)
    assert b"Detached: run one goes on" in written
    assert b"[d]etach" not in written
    assert fake.runs["dataops_pipeline", "one"]["state"] == "running"


@pytest.mark.usefixtures("endless")
def test_ctrl_c_before_a_run_is_found_says_nothing_of_one(fake: FakeAirflow, platform: Path) -> None:
    fake.faults.append(slow(60))
    process = begin(fake, platform, "watch")
    until_asked(fake, "/dagRuns")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert lines(stderr.decode())[0] == "error: Interrupted"
    assert b"goes on" not in stderr


@pytest.mark.usefixtures("endless")
@pytest.mark.parametrize(
    ("answers", "told", "state", "code"),
    [
        ("d", "Detached: run one goes on", "running", 130),
        ("w\x03s", "Stopped run one: it is failed", "failed", 130),
        ("s", "Succeeded", "success", 0),
    ],
    ids=["detach", "watch on, then stop", "stop what has ended meanwhile"],
)
def test_ctrl_c_on_a_terminal_asks(
    fake: FakeAirflow, platform: Path, answers: str, told: str, state: str, code: int
) -> None:
    leader, follower = pty.openpty()
    process = begin(fake, platform, "watch", terminal=follower)
    os.close(follower)
    until_asked(fake, "/taskInstances")
    if state == "failed":
        fake.frames.clear()
    written = b""

    def read_until(text: bytes) -> None:
        nonlocal written
        while text not in written:
            written += os.read(leader, 4096)
        written = written.partition(text)[2]

    for part in answers.split("\x03"):
        process.send_signal(signal.SIGINT)
        read_until(b"go on [w]atching")
        if state == "success":
            fake.frames[0] = ("success", [task("bronze", "success")])
        looks = len(fake.asked("GET", "/taskInstances"))
        os.write(leader, f"{part}\n".encode())
        if part == "w":
            until_asked(fake, "/taskInstances", looks + 1)
    read_until(told.encode())
    try:
        while os.read(leader, 4096):
            pass
    except OSError:  # the end of a terminal
        pass
    assert process.wait(timeout=60) == code
    os.close(leader)
    assert fake.runs["dataops_pipeline", "one"]["state"] == state
