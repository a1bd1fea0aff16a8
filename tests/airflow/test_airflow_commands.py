"""`dataops airflow …` from the command line: what it prints, its JSON and its exit codes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fake_airflow import PASSWORD, FakeAirflow, slow, task

from support import Dataops, clean_environment

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
        "  → Unpause it with the run: --unpause. That also starts its schedule, if it has one: it has none",
    ]
    planned = run("trigger", "--unpause", "--plan", "--conf", "layer=gold")
    assert lines(planned.stdout) == [
        "unpause dataops_pipeline: it is paused",
        'trigger dataops_pipeline with {"layer": "gold"}',
    ]
    assert (fake.runs, fake.asked("PATCH", "")) == ({}, [])


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
            "For one run: dataops airflow trigger dataops_pipeline",
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
@pytest.mark.parametrize("words", [["airflow", "trigger"], ["airflow", "watch"], ["run"]])
def test_a_timeout_is_checked_first(
    dataops_here: Dataops, platform: Path, fake: FakeAirflow, words: list[str], timeout: str
) -> None:
    fake.add_run("dataops_pipeline", "one", "success")
    done = dataops_here(*words, "--timeout", timeout, cwd=platform, **variables(fake), **BY_AIRFLOW)
    assert done.returncode == 2
    assert ("is no span of time" in done.stderr) or (f"--timeout is {timeout}" in done.stderr)
    assert fake.calls == []


@pytest.mark.parametrize("option", [["--timeout", "5m"], ["--follow-logs"]])
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
        {"dag_id": "dataops_pipeline", "run_id": "two", "state": "failed", "changed": True, "plan": False}
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
    fake.health["scheduler"] = {"status": "unhealthy", "latest_scheduler_heartbeat": "2026-01-31T01:00:00Z"}
    done = run("health")
    assert done.returncode == 1
    assert "Not healthy: scheduler" in done.stderr


def test_users(run: Run, fake: FakeAirflow) -> None:
    assert run("users").returncode == 3
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


def until_watched(fake: FakeAirflow) -> None:
    deadline = time.monotonic() + 20
    while not fake.asked("GET", "/taskInstances"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)


@pytest.fixture
def endless(fake: FakeAirflow) -> None:
    fake.add_run("dataops_pipeline", "one")
    fake.frames.append(("running", [task("bronze", "running")]))


@pytest.mark.usefixtures("endless")
def test_ctrl_c_in_a_pipe_detaches(fake: FakeAirflow, platform: Path) -> None:
    process = begin(fake, platform, "watch")
    until_watched(fake)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
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
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"error: Detached: run dataops__" in stderr
    assert b"Watch it again: dataops airflow watch --env dev dataops__" in stderr


@pytest.mark.usefixtures("endless")
def test_ctrl_c_before_a_run_is_found_detaches(fake: FakeAirflow, platform: Path) -> None:
    fake.faults.append(slow(5))
    process = begin(fake, platform, "watch")
    deadline = time.monotonic() + 20
    while not fake.asked("GET", "/dagRuns"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert (
        lines(stderr.decode())[-1] == "  → Watch it again: dataops airflow watch last --dag dataops_pipeline"
    )


@pytest.mark.usefixtures("endless")
@pytest.mark.parametrize(
    ("answers", "told", "state"),
    [("d", "Detached: run one goes on", "running"), ("w\x03s", "Stopped run one: it is failed", "failed")],
    ids=["detach", "watch on, then stop"],
)
def test_ctrl_c_on_a_terminal_asks(
    fake: FakeAirflow, platform: Path, answers: str, told: str, state: str
) -> None:
    leader, follower = pty.openpty()
    process = begin(fake, platform, "watch", terminal=follower)
    os.close(follower)
    until_watched(fake)
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
        os.write(leader, f"{part}\n".encode())
        time.sleep(1.0)
    read_until(told.encode())
    try:
        while os.read(leader, 4096):
            pass
    except OSError:  # the end of a terminal
        pass
    assert process.wait(timeout=20) == 130
    os.close(leader)
    assert fake.runs["dataops_pipeline", "one"]["state"] == state
