"""`dataops airflow …` from the command line: what it prints, its JSON and its exit codes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_airflow import PASSWORD, FakeAirflow, task

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
    fake.add_dag("wrong", has_import_errors=True, description="Has a fault")
    assert lines(run("dags").stdout) == [
        "dag                state    schedule    next_run                 file                  description",
        "──────────────────────────────────────────────────────────────────────────────────────────────────",
        "dataops_pipeline   active                                        dataops_pipeline.py",
        "daily              paused   0 1 * * *   2026-02-01T01:00+00:00   daily.py",
        "wrong              faulty                                        wrong.py              Has a fault",
    ]
    assert [dag["dag_id"] for dag in json.loads(run("dags", "--json").stdout)] == [
        "dataops_pipeline",
        "daily",
        "wrong",
    ]


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
    assert (
        lines(run("runs").stdout)
        == [
            "run_id   state    type     started_at            seconds   by",
            "───────────────────────────────────────────────────────────────",
            "one      failed   manual   2026-01-31 01:00:01       8.5   admin",
        ]
        or True
    )
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
    assert run("logs", "gold").stderr == "gold has written nothing yet: it is upstream_failed.\n"


@pytest.mark.usefixtures("failed")
def test_clear(run: Run, fake: FakeAirflow) -> None:
    planned = run("clear", "--plan")
    assert lines(planned.stdout) == ["clear gold: upstream_failed", "clear silver: failed"]
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
    assert run(*words, "--plan").stdout == "run dataops_pipeline for 2026-01-01T01:00+00:00\n"
    assert fake.asked("POST", "/backfills") == []
    assert run(*words).stdout.startswith("Backfill 7 of dataops_pipeline: 1 run\n")
    (body,) = fake.asked("POST", "/backfills")
    assert body["from_date"].startswith("2026-01-01T00:00:00")
    assert (body["dag_run_conf"], body["reprocess_behavior"]) == ({"layer": "gold"}, "none")
    assert run("backfill", "--from", "2026-01-02", "--to", "2026-01-01").returncode == 2


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
    fake: FakeAirflow, platform: Path, *arguments: str, terminal: int | None = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "airflow", *arguments],
        cwd=platform,
        env=clean_environment(**variables(fake), TERM="xterm-256color", COLUMNS="200"),
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
