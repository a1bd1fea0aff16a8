"""What each check makes of what it has seen: no engine, no service, no clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dataops_cli.airflow.model import Dag, DagImportError, DagRun, Health
from dataops_cli.checks import Finding, Result
from dataops_cli.deploy import release_check
from dataops_cli.deploy.backup import Backup, StoredFile
from dataops_cli.deploy.journal import Beginning, Deployment, Kind, Outcome
from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError
from dataops_cli.health import (
    airflow_imports,
    airflow_parts,
    certificate,
    cloudbeaver,
    containers,
    disk,
    drift,
    images,
    memory,
    pipeline,
    postgres,
    redis,
    secret_files,
    sqlserver,
    volume_room,
    volumes,
)
from dataops_cli.health.check import Subject
from dataops_cli.health.combining import combined
from dataops_cli.health.commands import Answer
from dataops_cli.health.containers import Restarts
from dataops_cli.health.installation import Installation, Wanted
from dataops_cli.health.volume_room import Room
from dataops_cli.project import Project
from dataops_cli.settings.load import Environment
from dataops_cli.settings.model import Settings
from dataops_cli.stack.model import Service, Stack
from dataops_cli.stack.observe import Container
from dataops_cli.stack.reconcile import Action, Operation

OK, WARN, FAIL, SKIPPED = Result.OK, Result.WARN, Result.FAIL, Result.SKIPPED
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MB, GB = 1024**2, 1024**3

DB: Service = {"image": "db:1", "restart": "unless-stopped", "healthcheck": {"test": ["CMD", "true"]}}
INIT: Service = {"image": "db:1", "restart": "no"}
DBT: Service = {"image": "dbt:abc", "restart": "unless-stopped", "build": {"context": "."}}


def container(service: str = "db", **changes: Any) -> Container:
    made = Container(
        id=f"{service}-id",
        name=f"shop-{service}",
        service=service,
        number=1,
        state="running",
        health="healthy",
        exit_code=None,
        image="db:1",
        image_id="sha256:1",
        labels={},
        networks=frozenset(),
        volumes=frozenset(),
        ports=(),
        status="Up",
    )
    return replace(made, **changes)


def installed(*there: Container, release: str = "", **services: Service) -> Installation:
    stack = Stack(
        name="shop",
        folder=Path("/shop"),
        files=(Path("/shop/compose.yml"),),
        services=services or {"db": DB},
        networks={},
        volumes={},
    )
    return Installation(cast(Engine, None), Wanted(stack, release), there)


@pytest.mark.parametrize(
    ("changes", "restarts", "result", "found", "remedy"),
    [
        ({}, None, OK, "1 of 1 run and are healthy", ""),
        ({"health": ""}, Restarts(0, 5), OK, "1 of 1 run and are healthy", ""),
        ({}, Restarts(4, 601), OK, "1 of 1 run and are healthy", ""),
        ({}, Restarts(4, 599), WARN, "shop-db was restarted 4 times, last 599 s ago", "dataops logs db"),
        (
            {},
            Restarts(1, 2, out_of_memory=True),
            WARN,
            "shop-db was restarted 1 time, last 2 s ago (out of memory)",
            "dataops logs db",
        ),
        (
            {"state": "exited", "exit_code": 0, "health": ""},
            None,
            FAIL,
            "shop-db does not run: exited (exit code 0)",
            "dataops up db\ndataops logs db",
        ),
        (
            {"state": "created"},
            None,
            FAIL,
            "shop-db does not run: created",
            "dataops up db\ndataops logs db",
        ),
        ({"state": "paused"}, None, FAIL, "shop-db is paused", "docker unpause shop-db"),
        (
            {"state": "restarting", "exit_code": 1},
            None,
            FAIL,
            "shop-db ends and is restarted again and again",
            "dataops logs db",
        ),
        (
            {"health": "unhealthy"},
            None,
            FAIL,
            "shop-db is unhealthy",
            "dataops logs db\ndataops restart db",
        ),
        (
            {"health": "starting"},
            None,
            FAIL,
            "shop-db is starting, and not healthy yet",
            "dataops health --wait 5m",
        ),
    ],
)
def test_containers(
    changes: dict[str, Any], restarts: Restarts | None, result: Result, found: str, remedy: str
) -> None:
    item = container(**changes)
    finding = containers.decide(installed(item), {item.id: restarts} if restarts else {})
    assert (finding.result, finding.found, finding.remedy) == (result, found, remedy)


def test_containers_of_several_services() -> None:
    two: Service = {**DB, "scale": 2}
    done = container("init", state="exited", exit_code=0, health="")
    finding = containers.decide(installed(container(), done, db=two, init=INIT), {})
    assert finding == Finding(FAIL, "service db has 1 of 2 containers", "dataops up db")
    failed = replace(done, exit_code=3)
    finding = containers.decide(installed(container(), failed, db=DB, init=INIT), {})
    assert finding.found == "shop-init does not run: exited (exit code 3)"
    one_off = container("db", state="exited", labels={"com.docker.compose.oneoff": "True"})
    assert containers.decide(installed(container(), one_off), {}).result is OK


@pytest.mark.parametrize(
    ("used", "result", "found", "value", "threshold"),
    [
        ({}, SKIPPED, "no running container has a limit", None, None),
        ({"a": (84, 100)}, OK, "at most 84 % of its limit (a)", 84.0, 85.0),
        ({"a": (85, 100), "b": (1, 100)}, WARN, "a uses 85 % of its 100 MB", 85.0, 85.0),
        (
            {"a": (86, 100), "b": (96, 100)},
            FAIL,
            "a uses 86 % of its 100 MB\nb uses 96 % of its 100 MB",
            96.0,
            95.0,
        ),
    ],
)
def test_memory(
    used: dict[str, tuple[int, int]], result: Result, found: str, value: float, threshold: float
) -> None:
    bytes_used = {name: (one * MB, all_of_it * MB) for name, (one, all_of_it) in used.items()}
    finding = memory.decide(bytes_used, dict.fromkeys(used, "db"))
    assert (finding.result, finding.found, finding.value, finding.threshold) == (
        result,
        found,
        value,
        threshold,
    )


@pytest.mark.parametrize(
    ("facts", "used"),
    [
        ({}, 0),
        ({"usage": 100, "stats": {"total_inactive_file": 30, "inactive_file": 1}}, 70),  # cgroup v1
        ({"usage": 100, "stats": {"inactive_file": 40}}, 60),  # cgroup v2
        ({"usage": 10, "stats": {"inactive_file": 40}}, 0),
    ],
)
def test_memory_that_is_used(facts: dict[str, Any], used: int) -> None:
    assert memory.used_bytes(facts) == used


@pytest.mark.parametrize(
    ("there", "release", "result", "found"),
    [
        ("sha256:1", "", OK, "1 images, as wanted"),
        ("sha256:1", "abc", OK, "1 images, those of release abc"),
        ("sha256:2", "", FAIL, "shop-db runs another image than db:1"),
        (None, "", WARN, "shop-db should run db:1, which the engine does not have"),
        (None, "abc", FAIL, "shop-db should run db:1, which the engine does not have"),
    ],
)
def test_images(there: str | None, release: str, result: Result, found: str) -> None:
    finding = images.decide(installed(container(), release=release), {"db:1": there})
    assert (finding.result, finding.found) == (result, found)
    assert finding.remedy == ("" if result is OK else "dataops up db")


def test_what_a_remote_engine_publishes_to_itself_is_not_looked_for_here() -> None:
    service = {**DB, "ports": [{"host_ip": "127.0.0.1", "published": "8978", "target": 8978}]}
    stack = installed(cloudbeaver=cast(Service, service))
    far = replace(stack, engine=cast(Engine, SimpleNamespace(remote=True)))
    found = cloudbeaver.look(Subject(Project(Path("/nowhere")), Environment("prod", Settings(), {}), far))
    assert found.result is SKIPPED
    assert found.found == "it is on 127.0.0.1:8978 of the engine's machine, not to be reached from here"


def test_a_stack_that_was_never_up_is_one_thing_to_do() -> None:
    assert containers.decide(installed(db=DB, dbt=DBT), {}) == Finding(
        FAIL, "none of its services has a container: db, dbt", "dataops up"
    )
    one = containers.decide(installed(container(), db=DB, dbt=DBT), {})
    assert (one.found, one.remedy) == ("service dbt has 0 of 1 containers", "dataops up dbt")


def test_where_there_is_no_container_nothing_can_differ() -> None:
    nothing = Finding(SKIPPED, "no container is there")
    assert images.decide(installed(), {"db:1": "sha256:1"}) == nothing
    subject = Subject(Project(Path("/nowhere")), Environment("prod", Settings(), {}), installed())
    assert drift.look(subject) == nothing


def room(disk: str, left: float, of: float, *names: str) -> Room:
    """On a file system of `of` GB with `left` free."""
    return Room(disk, int(of * GB), int(left * GB), names, "db", "/data")


def test_volumes() -> None:
    assert volumes.decide([], [], []).result is SKIPPED
    assert volumes.decide(["a", "b"], [], []) == Finding(OK, "2 are there")
    missing = volumes.decide(["a", "b"], ["b"], [])
    assert (missing.result, missing.found, missing.value) == (FAIL, "missing: b", 1)
    fine = volumes.decide(["a", "b"], [], [room("x", 40, 100, "a"), room("y", 70, 100, "b")])
    assert fine == Finding(OK, "2 are there, at most 60 % full", "", 60.0, 85.0)
    both = volumes.decide(["a", "b"], ["b"], [room("x", 0, 1, "a")])
    assert (both.result, both.found) == (FAIL, "missing: b\na: 0 MB of 1.0 GB left")


@pytest.mark.parametrize(
    ("left", "of", "result"),
    [
        (0, 0.004, FAIL),
        (0.05, 1, FAIL),
        (0.15, 1, WARN),
        (0.16, 1, OK),
        (1, 5, OK),
        (3, 100, WARN),
        (12, 1000, OK),
    ],
)
def test_the_room_in_a_volume(left: float, of: float, result: Result) -> None:
    """Near its end in parts of a hundred, and in what is left: a large disk has room where a small one has none."""
    found = volume_room.judge(room("x", left, of, "a", "b"))
    assert found.result is result
    assert found.found.startswith("a, b: ")
    commands = "See what takes it: dataops exec db -- du -h -d 1 /data\n"
    assert found.remedy.startswith(commands) or result is OK


def test_what_the_containers_say_of_their_volumes() -> None:
    said = "5f 4096 1000 250 /data\nstat: cannot read it\n0 4096 0 0 /none\n9 4096 10 10 /other\n5f 4096 1 1 /two words\n"
    found = volume_room.rooms(said, "db", {"/data": "a", "/none": "b", "/two words": "c"})
    assert found[0] == Room("5f", 4096000, 1024000, ("a",), "db", "/data")
    assert [item.path for item in found] == ["/data", "/two words"]
    again = room("5f", 0.5, 4096000 / GB, "a", "d")
    one, other = volume_room.merged([found[0], again, room("0", 1, 2, "e")])
    assert (one.volumes, one.free, other.volumes) == (("a", "d"), 1024000, ("e",))
    assert volume_room.rooms("exec: stat: not found", "db", {"/data": "a"}) == []


@pytest.mark.parametrize(
    ("answer", "result", "found", "value"),
    [
        (Answer(0, "12|100", 50), OK, "12 of 100 connections, answered in 50 ms", 12.0),
        (Answer(0, "80|100", 50), WARN, "80 of 100 connections, answered in 50 ms", 80.0),
        (Answer(0, "96|100", 50), FAIL, "96 of 100 connections, answered in 50 ms", 96.0),
        (Answer(0, "1|100", 2100), WARN, "1 of 100 connections, answered in 2100 ms: slow", 2100),
        (Answer(124, "", 6000), FAIL, "PostgreSQL does not answer", None),
        (
            Answer(2, 'psql: FATAL:  password authentication failed for user "airflow"', 9),
            FAIL,
            "PostgreSQL refuses the password in secrets.postgres_password",
            None,
        ),
        (
            Answer(2, "psql: error: x\nFATAL:  sorry, too many clients already", 9),
            FAIL,
            "PostgreSQL has no connection left",
            100.0,
        ),
        (Answer(1, "", 9), FAIL, "nothing", None),
    ],
)
def test_postgres(answer: Answer, result: Result, found: str, value: float | None) -> None:
    finding = postgres.decide(answer)
    assert (finding.result, finding.found, finding.value) == (result, found, value)
    assert bool(finding.remedy) == (result is not OK)


@pytest.mark.parametrize(
    ("answer", "result", "found"),
    [
        (Answer(0, "PONG", 12.4), OK, "answered in 12 ms"),
        (Answer(0, "PONG", 2500), WARN, "answered in 2500 ms: slow"),
        (Answer(124, "", 6000), FAIL, "Redis does not answer"),
        (
            Answer(0, "AUTH failed: WRONGPASS invalid\nNOAUTH Authentication required.", 1),
            FAIL,
            "Redis refuses the password in secrets.redis_password",
        ),
        (Answer(1, "Could not connect", 1), FAIL, "Redis says: Could not connect"),
        (Answer(0, "LOADING Redis is loading", 1), FAIL, "Redis says: LOADING Redis is loading"),
    ],
)
def test_redis(answer: Answer, result: Result, found: str) -> None:
    finding = redis.decide(answer)
    assert (finding.result, finding.found, bool(finding.remedy)) == (result, found, result is not OK)


def test_airflows_parts() -> None:
    beat = NOW - timedelta(seconds=3)
    well = [Health(part, "healthy", beat) for part in airflow_parts.ALWAYS]
    unused = Health("triggerer", None, None)
    finding = airflow_parts.decide([*well, unused], airflow_parts.ALWAYS, NOW)
    assert (finding.result, finding.found) == (OK, "healthy: metadatabase, scheduler, dag_processor")
    with_it = airflow_parts.decide([*well, unused], [*airflow_parts.ALWAYS, "triggerer"], NOW)
    assert (with_it.result, with_it.found) == (FAIL, "triggerer is not there")
    ill = [well[0], Health("scheduler", "unhealthy", NOW - timedelta(seconds=90)), well[2]]
    finding = airflow_parts.decide(ill, airflow_parts.ALWAYS, NOW)
    assert (finding.result, finding.found, finding.remedy) == (
        FAIL,
        "scheduler is unhealthy, heartbeat 90 s ago",
        "dataops restart airflow-scheduler\ndataops logs airflow-scheduler",
    )


def test_import_errors() -> None:
    assert airflow_imports.decide([]).result is OK
    error = DagImportError("a.py", None, "Traceback\n  x\nImportError: no\n")
    assert airflow_imports.decide([error, replace(error, file="b.py", trace="")]) == Finding(
        FAIL, "a.py: ImportError: no\nb.py: ?", "dataops airflow import-errors", 2, 0
    )


def dag(**changes: Any) -> Dag:
    made = Dag("dataops_pipeline", False, None, False, None, 1, False, None, (), (), "dataops_pipeline.py")
    return replace(made, **changes)


def run(state: str, **changes: Any) -> DagRun:
    made = DagRun(
        "dataops_pipeline",
        "r1",
        state,
        "manual",
        NOW,
        NOW,
        NOW - timedelta(minutes=50),
        NOW - timedelta(minutes=10) if state in ("success", "failed") else None,
        None,
        {},
        None,
    )
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("the_dag", "last", "result", "found", "remedy"),
    [
        (
            dag(paused=True),
            run("success"),
            FAIL,
            "dataops_pipeline is paused",
            "dataops airflow unpause dataops_pipeline",
        ),
        (dag(), None, WARN, "it has never run", "dataops run"),
        (
            dag(next_run=NOW + timedelta(hours=1)),
            None,
            OK,
            "it has never run; the next is due at 2026-03-01 13:00",
            "",
        ),
        (dag(), run("success"), OK, "the last run succeeded 10 min ago", ""),
        (
            dag(next_run=NOW - timedelta(minutes=59)),
            run("success", ended_at=NOW - timedelta(hours=25)),
            OK,
            "the last run succeeded 25 h ago; the next is due at 2026-03-01 11:01",
            "",
        ),
        (
            dag(next_run=NOW - timedelta(minutes=70)),
            run("running", started_at=NOW - timedelta(minutes=75), ended_at=None),
            FAIL,
            "the run of 2026-03-01 10:50 has not begun, 70 minutes late: run r1 goes on for 75 minutes",
            "dataops airflow watch r1",
        ),
        (
            dag(next_run=NOW - timedelta(minutes=61)),
            run("success"),
            FAIL,
            "the run of 2026-03-01 10:59 has not begun, 61 minutes late",
            "dataops health --check airflow\ndataops airflow runs",
        ),
        (
            dag(),
            run("failed"),
            FAIL,
            "the last run, r1, failed 10 min ago",
            "dataops airflow show r1\ndataops run",
        ),
        (dag(), run("running"), OK, "run r1 is running", ""),
        (
            dag(),
            run("running", started_at=NOW - timedelta(minutes=61)),
            WARN,
            "run r1 goes on for 61 minutes already",
            "dataops airflow watch r1",
        ),
        (
            dag(),
            run("queued", started_at=None, queued_at=NOW - timedelta(minutes=70)),
            WARN,
            "run r1 waits for 70 minutes already",
            "dataops airflow watch r1",
        ),
    ],
)
def test_the_pipeline(the_dag: Dag, last: DagRun | None, result: Result, found: str, remedy: str) -> None:
    finding = pipeline.decide(the_dag, last, NOW, timedelta(minutes=60))
    assert (finding.result, finding.found, finding.remedy) == (result, found, remedy)


def test_the_newest_run_is_the_one_that_was_begun_last() -> None:
    """Not the one that was due last: here a late one of the schedule began after one that somebody triggered."""
    by_hand = run("failed", run_id="by_hand", started_at=NOW - timedelta(minutes=30))
    late = run("success", run_id="late", started_at=NOW - timedelta(minutes=20))
    waiting = run("queued", run_id="waiting", started_at=None, queued_at=NOW)
    assert pipeline.newest([by_hand, late]) is late
    assert pipeline.newest([waiting, by_hand, late]) is waiting
    assert pipeline.newest([]) is None


def test_cloudbeaver() -> None:
    assert cloudbeaver.decide(200, 41.2) == Finding(OK, "its page comes in 41 ms", "", 41, 3000)
    assert cloudbeaver.decide(200, 3100).result is WARN
    assert cloudbeaver.decide(502, 5).found == "it answers with status 502"
    assert cloudbeaver.address({"host_ip": "0.0.0.0", "published": "80"}) == ("127.0.0.1", 80)  # noqa: S104
    assert cloudbeaver.address({"host_ip": "[::]", "published": "80"}) == ("127.0.0.1", 80)
    assert cloudbeaver.address({"host_ip": "10.0.0.5", "published": "80"}) == ("10.0.0.5", 80)
    assert cloudbeaver.address({"published": "81"}) == ("127.0.0.1", 81)


@pytest.mark.parametrize(("free", "result", "threshold"), [(11, OK, 10.0), (9, WARN, 10.0), (1, FAIL, 2.0)])
def test_disk(free: int, result: Result, threshold: float) -> None:
    finding = disk.measured(free * GB, "/x", "rm it")
    assert (finding.result, finding.value, finding.threshold) == (result, free, threshold)


@pytest.mark.parametrize(
    ("days", "others", "result", "found"),
    [
        (400, False, OK, "good until 2027-04-05"),
        (29, False, WARN, "good until 2026-03-30"),
        (-1, False, FAIL, "it expired on 2026-02-28"),
        (400, True, FAIL, "it is not the stack's: workers on other machines refuse it"),
    ],
)
def test_the_certificate(days: int, others: bool, result: Result, found: str) -> None:
    finding = certificate.decide(NOW + timedelta(days=days), NOW, others=others)
    assert (finding.result, finding.found) == (result, found)


def test_secrets() -> None:
    assert secret_files.decide("f", None, []) == Finding(OK, "f is not there, and every secret has a value")
    assert secret_files.decide("f", None, None) == Finding(SKIPPED, "f is not there")  # nor is a stack
    assert secret_files.decide("f", 0o600, []) == Finding(OK, "f is its owner's alone")
    assert secret_files.decide("f", 0o640, []).remedy == "chmod 600 f"
    missing = secret_files.decide("f", 0o600, ["secrets.a", "secrets.b"])
    assert (missing.result, missing.found) == (FAIL, "without a value: secrets.a, secrets.b")
    assert missing.remedy == "Copy f from who has it\nWhere nobody has one yet: dataops secrets generate"


def test_drift() -> None:
    start = Operation(Action.START, "shop-db", "it has exited")
    other = Operation(Action.RECREATE, "shop-db", "a secret changed")
    assert drift.decide([start], [], "") == Finding(OK, "as the files would have it", "", 0, 0)
    assert drift.decide([start, other], [], "") == Finding(
        WARN, "recreate shop-db: a secret changed", "See what would change: dataops up --plan", 1, 0
    )
    of_a_release = drift.decide([other], ["shop-old"], "abc")
    assert (of_a_release.result, of_a_release.value) == (FAIL, 2)
    assert of_a_release.remedy.endswith("Remove them: dataops up --remove-orphans")


def deployment(outcome: Outcome | None) -> Deployment:
    beginning = Beginning(3, Kind.DEPLOY, "abc", None, None, None, True, who="op", where="m", at="2026-01-01")
    return Deployment(beginning, outcome=outcome, ended_at="2026-01-01T10:00:00+00:00")


def test_the_release() -> None:
    dbt = container("dbt", image="dbt:abc")
    there = installed(dbt, release="abc", dbt=DBT)
    done = deployment(Outcome.SUCCEEDED)
    decide = release_check.decide
    assert decide([], there, being_changed=False).result is SKIPPED
    assert decide([done], there, being_changed=False) == Finding(
        OK, "abc, since 2026-01-01T10:00:00+00:00", "", 0, 0
    )
    other = installed(replace(dbt, image="dbt:old"), release="abc", dbt=DBT)
    assert decide([done], other, being_changed=False) == Finding(
        FAIL,
        "shop-dbt runs dbt:old, and abc is in force",
        "See what differs: dataops up --plan",
        1,
        0,
    )
    cut_off = decide([deployment(None), done], there, being_changed=False)
    assert (cut_off.result, cut_off.remedy) == (FAIL, "dataops repair")
    going_on = decide([deployment(None), done], there, being_changed=True)
    assert (going_on.result, going_on.found) == (WARN, "a deploy goes on")


def test_the_backup() -> None:
    made = Backup(
        "b1", 1, "prod", "shop", "2026-02-20T12:00:00+00:00", "op", "", None, {}, StoredFile("a/b", 1, "")
    )
    decide = release_check.decide_on_backup
    assert decide([], NOW, development=True).result is SKIPPED
    assert decide([], NOW, development=False).remedy == "dataops backup create"
    assert decide([made], NOW, development=False) == Finding(
        WARN, "b1 is 9 days old", "dataops backup create", 9.0, 8.0
    )
    assert decide([made], NOW, development=True).result is OK
    assert decide([made], NOW - timedelta(days=2), development=False).result is OK


FACTS = sqlserver.Facts("db:1433", 3.04, "ONLINE")


@pytest.mark.parametrize(
    ("facts", "development", "result", "found"),
    [
        (FACTS, False, OK, "db:1433 answers in 3 ms, the database is online"),
        (
            replace(FACTS, milliseconds=1500.0),
            False,
            WARN,
            "db:1433 answers in 1500 ms, the database is online: slow",
        ),
        (replace(FACTS, status="SUSPECT"), False, FAIL, "the database is SUSPECT"),
        (
            replace(FACTS, used=7 * GB, limit=10 * GB),
            False,
            OK,
            "db:1433 answers in 3 ms, the database is online\n7.0 of 10 GB are used",
        ),
        (replace(FACTS, used=9 * GB, limit=10 * GB), False, WARN, "9.0 of 10 GB are used"),
        (replace(FACTS, used=int(9.9 * GB), limit=10 * GB), False, FAIL, "9.9 of 10 GB are used"),
        (replace(FACTS, backup_known=True), False, WARN, "the database was never backed up"),
        (replace(FACTS, backup_known=True), True, OK, "db:1433 answers in 3 ms, the database is online"),
        (
            replace(FACTS, backup_known=True, backup=timedelta(days=9)),
            False,
            WARN,
            "the last backup is 9 days old",
        ),
    ],
)
def test_sqlserver(facts: sqlserver.Facts, development: bool, result: Result, found: str) -> None:
    finding = sqlserver.decide(facts, development=development)
    assert (finding.result, finding.found) == (result, found)
    assert bool(finding.remedy) == (result is not OK)


def test_findings_are_combined() -> None:
    fine, so_so = Finding(OK, "fine"), Finding(WARN, "so-so", "a\nb", 1, 0)
    bad = Finding(FAIL, "bad", "b\nc", 2, 0)
    assert combined([fine, Finding(OK, "too")]) == Finding(OK, "fine\ntoo")
    assert combined([fine], "all is well") == Finding(OK, "all is well")
    assert combined([so_so, fine, bad]) == Finding(FAIL, "so-so\nbad", "a\nb\nc", 2, 0)
    assert combined([], "nothing to see") == Finding(OK, "nothing to see")


def test_a_service_that_takes_no_commands() -> None:
    with pytest.raises(DataopsError) as error:
        installed(container(state="paused")).running("db")
    assert (error.value.reason, error.value.hint) == (
        "Service db does not run: shop-db is paused",
        "docker unpause shop-db",
    )
    with pytest.raises(DataopsError) as error:
        installed(container(state="exited")).running("db")
    assert (error.value.reason, error.value.hint) == (
        "Service db does not run: shop-db has exited",
        "Start it: dataops up db",
    )
