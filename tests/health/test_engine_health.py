"""Each check failing for its real cause on a real PostgreSQL, Redis and Airflow, and turning good again."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import select
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from sick_platform import VARIABLES, Platform, new_name, sick_platform

from dataops_cli import docker_api
from dataops_cli.deploy.backup import DOCUMENTS
from dataops_cli.project import Project
from dataops_cli.settings.load import load_environment
from dataops_cli.stack.state import state_of
from local_engine import local_engine, pause
from support import Dataops, absent, clean_environment, until

pytestmark = pytest.mark.engine

# Opens connections until PostgreSQL has as many in all, in per cent of what it takes, as a line says, or takes no more;
# keeps them until its input ends.
HOLDER = """
import select, subprocess, sys, psycopg2
url = subprocess.run(["database-url"], capture_output=True, text=True).stdout.replace("+psycopg2", "")
first = psycopg2.connect(url)
first.autocommit = True
held, ask = [first], first.cursor()
def take():
    try:
        held.append(psycopg2.connect(url))
    except psycopg2.OperationalError:
        return False
    return True

for line in sys.stdin:
    while True:
        ask.execute("select 100 * sum(numbackends) / current_setting('max_connections')::int from pg_stat_database")
        if ask.fetchone()[0] >= int(line) or not take():
            break
    print("held", flush=True)
    while int(line) > 100 and not select.select([sys.stdin], [], [], 0.05)[0]:
        take()  # what somebody else has let go of
"""
# No dbt and no data are in this platform.
LOOKED_AT = ("--layer", "machine", "--layer", "services", "--layer", "release")


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path], dataops: Dataops
) -> Iterator[Platform]:
    local_engine()
    folder = new_platform(tmp_path_factory.mktemp("health") / "platform")
    with sick_platform(folder, new_name(), dataops, docker) as found:
        yield found


def test_all_is_well(platform: Platform) -> None:
    code, found = platform.health(*LOOKED_AT, "--wait", "3m")
    assert code == 0, found
    assert {name for name, item in found.items() if item["result"] == "ok"} >= {
        *("engine", "disk", "secrets", "containers", "memory", "volumes", "postgres", "redis", "airflow"),
        *("airflow-imports", "cloudbeaver", "images"),
    }
    assert found["pipeline"]["found"] == "it has never run"
    assert found["release"]["found"] == "nothing has been deployed"
    assert found["sqlserver"] | {"seconds": 0.0} == {
        "name": "sqlserver",
        "layer": "services",
        "result": "skipped",
        "found": "the warehouse is duckdb",
        "value": None,
        "threshold": None,
        "remedy": None,
        "seconds": 0.0,
    }


def test_a_container_is_stopped(platform: Platform) -> None:
    docker("stop", "--time", "1", platform.container("subject"))
    name = platform.container("subject")
    code, result, found, remedy = platform.finds("containers")
    assert (code, result) == (1, "fail")
    assert found.startswith(f"{name} does not run: exited (exit code ")
    assert remedy == "dataops up subject --env sick\ndataops logs subject --env sick"
    process = platform.begin("health", "--check", "containers", "--wait", "3m", "--json")
    docker("start", name)
    assert (process.wait(timeout=240), json.loads(process.communicate()[0])["healthy"]) == (0, True)


def test_a_container_is_gone(platform: Platform) -> None:
    docker("rm", "--force", platform.container("subject"))
    assert platform.finds("containers") == (
        1,
        "fail",
        "service subject has 0 of 1 containers",
        "dataops up subject --env sick",
    )
    assert platform.run("up", "subject").returncode == 0
    platform.until_healthy("containers")


def test_a_container_is_unhealthy_and_waiting_ends_in_time(platform: Platform) -> None:
    name = platform.container("subject")
    docker("exec", name, "touch", "/tmp/ill")
    until(lambda: "unhealthy" in docker("ps", "--filter", f"name={name}"))
    code, result, found, remedy = platform.finds("containers")
    assert (code, result, found) == (1, "fail", f"{name} is unhealthy")
    assert remedy.splitlines()[1] == "dataops restart subject --env sick"
    waited = platform.run("health", "--check", "containers", "--wait", "3s")
    assert (waited.returncode, "sick is not healthy: 1 of 2 checks failed" in waited.stdout) == (1, True)
    docker("exec", name, "rm", "/tmp/ill")
    platform.until_healthy("containers")


def test_a_container_is_restarted_by_its_policy(platform: Platform) -> None:
    name = platform.container("subject")
    # It may end with the container.
    subprocess.run(["docker", "exec", name, "sh", "-c", "kill -9 $(pidof sleep)"], check=False)
    until(lambda: docker("inspect", "--format", "{{.RestartCount}}", name) != "0")
    platform.until_healthy("containers")
    code, result, found, remedy = platform.finds("containers")
    assert (code, result, remedy) == (0, "warn", "dataops logs subject --env sick")
    assert found.startswith(f"{name} was restarted 1 time, last ")
    assert platform.run("up", "--force-recreate", "subject").returncode == 0
    assert platform.finds("containers")[1] == "ok"


def test_memory_is_near_its_limit(platform: Platform) -> None:
    name = platform.container("subject")
    eat = "import time; held = b'x' * (57 * 2**20); open('/tmp/ate', 'w').close(); time.sleep(300)"
    docker("exec", "--detach", name, "python3", "-c", eat)
    until(lambda: platform.finds("memory")[1] != "ok")
    code, found = platform.health("--check", "memory")
    item = found["memory"]
    assert item["result"] in ("warn", "fail")
    assert code == (1 if item["result"] == "fail" else 0)
    assert item["value"] >= item["threshold"] >= 85
    assert f"{name} uses " in item["found"]
    assert "mem_limit in the Compose files, then: dataops up subject --env sick" in item["remedy"]
    docker("restart", "--time", "1", name)
    assert platform.finds("memory")[1] == "ok"


def test_another_image(platform: Platform) -> None:
    docker("tag", VARIABLES["REDIS_IMAGE"], platform.image)
    assert platform.finds("images") == (
        1,
        "fail",
        f"{platform.container('subject')} runs another image than {platform.image}",
        "dataops up subject --env sick",
    )
    docker("tag", VARIABLES["PYTHON_IMAGE"], platform.image)
    assert platform.finds("images")[:2] == (0, "ok")


def test_the_configuration_drifts(platform: Platform) -> None:
    file = platform.folder / "compose" / "health.yml"
    before = file.read_text()
    file.write_text(before.replace("VERSION: '1'", "VERSION: '2'"))
    code, result, found, remedy = platform.finds("drift")
    file.write_text(before)
    # Without a release the files are worked on: they may differ for a while.
    assert (code, result) == (0, "warn")
    line = f"recreate {platform.container('subject')}: its configuration changed"
    assert line in found.splitlines()
    assert remedy == "See what would change: dataops up --env sick --plan"
    assert line not in platform.finds("drift")[2]


def test_a_volume_is_missing(platform: Platform) -> None:
    volume = f"{platform.name}-cloudbeaver_data"
    docker("rm", "--force", platform.container("cloudbeaver"))
    docker("volume", "rm", volume)
    code, result, found, remedy = platform.finds("volumes")
    assert (code, result, found) == (1, "fail", f"missing: {volume}")
    assert "dataops backup list --env sick" in remedy
    code, result, found, remedy = platform.finds("cloudbeaver")
    assert (code, result) == (1, "fail")
    assert found.startswith("nothing comes from 127.0.0.1:27978: ")
    assert "dataops restart cloudbeaver --env sick" in remedy
    assert platform.run("up", "cloudbeaver").returncode == 0
    assert platform.finds("volumes")[:2] == (0, "ok")
    assert platform.finds("cloudbeaver")[:2] == (0, "ok")


def test_a_volume_is_full(platform: Platform) -> None:
    subject, volume = platform.container("subject"), f"{platform.name}-spare"
    assert platform.finds("volumes")[:2] == (0, "ok")
    docker("exec", subject, "dd", "if=/dev/zero", "of=/spare/filler", "bs=1k", "count=3700")
    assert platform.finds("volumes")[:3] == (0, "warn", f"{volume}: 0 MB of 4 MB left")
    filled = subprocess.run(
        ["docker", "exec", subject, "dd", "if=/dev/zero", "of=/spare/rest"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "No space left on device" in filled.stderr
    code, found = platform.health("--check", "volumes")
    item = found["volumes"]
    assert (code, item["result"], item["value"], item["threshold"]) == (1, "fail", 100.0, 95.0)
    look, _engine = item["remedy"].splitlines()
    command = "dataops exec --env sick subject -- du -h -d 1 /spare"
    assert look == f"See what takes it: {command}"
    seen = platform.run(*command.split()[1:])
    assert (seen.returncode, seen.stdout.split()) == (0, ["4.0M", "/spare"]), seen.stderr
    docker("exec", subject, "rm", "/spare/filler", "/spare/rest")
    assert platform.finds("volumes")[:2] == (0, "ok")


# In a mount namespace of its own: a disk of 12 GB, of which only what is written takes room, holds the platform, and is
# where the engine has its volumes. It is filled, and emptied again.
FULL_DISK = """
set -eu
disk=$(mktemp -d) && mount -t tmpfs tmpfs "$disk" && truncate -s 12G "$disk/image" && mkfs.ext4 -qF -m 0 "$disk/image"
mkdir "$disk/on" && mount -o loop "$disk/image" "$disk/on"
cp --archive . "$disk/on"
mount --bind "$disk/on" "$PWD" && mount --bind "$disk/on" "$1/volumes" && cd "$PWD"
look() { "$2" -m dataops_cli health --check disk --check engine-disk --json || true; }
fallocate -l 8G filler && look "$@"
fallocate -l 3G rest && look "$@"
rm filler rest && look "$@"
umount "$1/volumes" && cd / && umount "$OLDPWD" && umount "$disk/on" && umount "$disk" && rmdir "$disk"
"""


def test_the_disks_are_full(platform: Platform) -> None:
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        absent("a disk that can be filled", "only root may mount one")
    folder = docker("info", "--format", "{{.DockerRootDir}}")
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", FULL_DISK, "script", folder, sys.executable],
        cwd=platform.folder,
        env=clean_environment(**VARIABLES),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    documents = json.loads("[" + done.stdout.replace("}\n{", "},{") + "]")
    looks = [{item["name"]: item for item in document["checks"]} for document in documents]
    places = {
        "disk": (str(platform.folder), "dataops prune --env sick"),
        "engine-disk": (f"{folder}/volumes", "docker image prune"),
    }
    for check, (place, remedy) in places.items():
        results = [look[check]["result"] for look in looks]
        assert results == ["warn", "fail", "ok"], done.stdout
        assert looks[1][check]["value"] < 1 < looks[1][check]["threshold"] == 2
        assert looks[1][check]["found"].endswith(f" GB free in {place}")
        assert looks[1][check]["remedy"].endswith(remedy)


def test_postgres_runs_out_of_connections(platform: Platform) -> None:
    scheduler = platform.container("airflow-scheduler")
    python = ["docker", "exec", "--interactive", scheduler, "/opt/airflow/venv/bin/python", "-c", HOLDER]
    holder = subprocess.Popen(python, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdin
    assert holder.stdout

    def hold(share: int) -> None:
        print(share, file=holder.stdin, flush=True)
        assert holder.stdout
        assert holder.stdout.readline()

    try:
        hold(85)
        code, found = platform.health("--check", "postgres")
        item = found["postgres"]
        assert (code, item["result"], item["threshold"]) == (0, "warn", 80.0)
        assert 80 <= item["value"] < 95
        look = item["remedy"].removeprefix("See who has them: dataops ")
        assert "client backend" in platform.run(*shlex.split(look)).stdout
        hold(96)
        code, result, found_, _ = platform.finds("postgres")
        assert (code, result) == (1, "fail"), found_
        hold(200)
        assert platform.finds("postgres") == (
            1,
            "fail",
            "PostgreSQL has no connection left",
            "End them all, which Airflow gets over: dataops restart postgres --env sick",
        )
    finally:
        holder.stdin.close()
        holder.wait(timeout=120)
    platform.until_healthy("postgres")
    platform.until_healthy("airflow")


def test_a_password_is_wrong(platform: Platform) -> None:
    wrong = {
        "DATAOPS_SECRETS__POSTGRES_PASSWORD": "Wrong1",
        "DATAOPS_SECRETS__REDIS_PASSWORD": "Wrong2",
        "DATAOPS_SECRETS__AIRFLOW_ADMIN_PASSWORD": "Wrong3",
    }
    ended = platform.run("health", *LOOKED_AT, "--json", **wrong)
    assert ended.returncode == 1
    assert "Wrong" not in ended.stdout + ended.stderr
    found = {item["name"]: item for item in json.loads(ended.stdout)["checks"]}
    assert found["postgres"]["found"] == "PostgreSQL refuses the password in secrets.postgres_password"
    assert "dataops secrets rotate --env sick secrets.postgres_password" in found["postgres"]["remedy"]
    assert found["redis"]["found"] == "Redis refuses the password in secrets.redis_password"
    assert "does not accept user admin" in found["pipeline"]["found"]
    assert "a secret changed" in found["drift"]["found"]
    assert [found[name]["result"] for name in ("postgres", "redis", "pipeline", "containers")] == [
        *["fail"] * 3,
        "ok",
    ]
    assert [platform.finds(name)[0] for name in ("postgres", "redis", "pipeline")] == [0, 0, 0]


def test_a_service_is_paused(platform: Platform) -> None:
    name = platform.container("redis")
    pause(name)
    try:
        code, found = platform.health("--check", "redis", "--check", "containers", "--check", "postgres")
    finally:
        docker("unpause", name)
    assert code == 1
    assert [found[check]["result"] for check in ("redis", "containers", "postgres")] == ["fail", "fail", "ok"]
    assert found["redis"]["found"] == f"Service redis does not run: {name} is paused"
    assert found["redis"]["remedy"] == found["containers"]["remedy"] == f"docker unpause {name}"
    platform.until_healthy("redis")


@pytest.mark.parametrize("service", ["postgres", "redis"])
def test_a_service_hangs(platform: Platform, service: str) -> None:
    name = platform.container(service)
    docker("kill", "--signal", "STOP", name)
    try:
        begun = time.monotonic()
        code, found = platform.health(*LOOKED_AT)
        took = time.monotonic() - begun
        late = platform.health("--check", service, "--timeout", "1")[1][service]
    finally:
        docker("kill", "--signal", "CONT", name)
    assert code == 1
    assert found[service]["result"] == "fail"
    assert found[service]["found"] in ("PostgreSQL does not answer", "Redis does not answer")
    assert found[service]["remedy"] == f"dataops restart {service} --env sick"
    # The others did not wait for it, and what waits for PostgreSQL, each for its own deadline, did so side by side.
    assert found["cloudbeaver"]["result"] == "ok"
    assert took < 40 + found["engine"]["seconds"]
    assert late["found"] == "no answer within 1 s"
    assert late["remedy"] == f"It takes no commands: dataops restart {service} --env sick"
    platform.until_healthy(service)
    platform.until_healthy("containers")
    platform.until_healthy("airflow")


def test_airflow_does_not_answer(platform: Platform) -> None:
    name = platform.container("airflow-webserver")
    pause(name)
    try:
        code, found = platform.health("--layer", "services")
    finally:
        docker("unpause", name)
    assert code == 1
    for check in ("airflow", "airflow-imports", "pipeline"):
        assert found[check]["result"] == "fail"
        assert "no answer within " in found[check]["found"]
        assert "dataops" in found[check]["remedy"]
        assert found[check]["seconds"] <= 15
    platform.until_healthy("airflow")
    platform.until_healthy("pipeline")


def test_the_scheduler_has_no_heartbeat(platform: Platform) -> None:
    pause(platform.container("airflow-scheduler"))
    try:
        until(lambda: platform.finds("airflow")[1] == "fail")
        code, result, found, remedy = platform.finds("airflow")
    finally:
        docker("unpause", platform.container("airflow-scheduler"))
    assert (code, result) == (1, "fail")
    assert found.startswith("scheduler is unhealthy, heartbeat ")
    assert remedy.splitlines()[0] == "dataops restart airflow-scheduler --env sick"
    platform.until_healthy("airflow")


def test_a_dag_is_paused(platform: Platform) -> None:
    assert platform.run("airflow", "pause", "dataops_pipeline").returncode == 0
    assert platform.finds("pipeline") == (
        1,
        "fail",
        "dataops_pipeline is paused",
        "dataops airflow unpause --env sick dataops_pipeline",
    )
    assert platform.run("airflow", "unpause", "dataops_pipeline").returncode == 0
    assert platform.finds("pipeline")[0] == 0


def test_a_dag_cannot_be_imported(platform: Platform) -> None:
    file = platform.folder / "airflow" / "dags" / "dataops_cleanup.py"
    before = file.read_text()
    file.write_text(before + "\nimport no_such_module\n")
    try:
        until(lambda: "no_such_module" in platform.finds("airflow-imports")[2])
        code, result, found, remedy = platform.finds("airflow-imports")
    finally:
        file.write_text(before)
    assert (code, result, remedy) == (1, "fail", "dataops airflow import-errors --env sick")
    assert found.endswith("dataops_cleanup.py: ModuleNotFoundError: No module named 'no_such_module'")
    platform.until_healthy("airflow-imports")


def test_a_run_fails(platform: Platform) -> None:
    """There is no worker for dbt: the run is stopped where it waits, and has failed then."""
    assert platform.run("airflow", "trigger", "dataops_pipeline", "--run-id", "sick-1").returncode == 0
    until(lambda: "sick-1 is running" in platform.finds("pipeline")[2])
    assert platform.run("airflow", "stop", "sick-1").returncode == 0
    code, result, found, remedy = platform.finds("pipeline")
    assert (code, result) == (1, "fail")
    assert found == "the last run, sick-1, failed 0 min ago"
    assert remedy.splitlines() == ["dataops airflow show --env sick sick-1", "dataops run --env sick"]


def test_a_run_takes_long_and_another_is_late(platform: Platform) -> None:
    """By a schedule of Airflow's own; what time would do, its database is told."""
    file = platform.folder / "airflow" / "dags" / "dataops_pipeline.py"
    before = file.read_text()
    file.write_text(before.replace('os.environ.get("DATAOPS_AIRFLOW__SCHEDULE")', '"@yearly"'))
    # The last run failed. Now the scheduler begins this year's, whose tasks wait for a worker.
    until(lambda: "is running; the next is due at " in platform.finds("pipeline")[2])
    assert platform.finds("pipeline")[0] == 0
    scheduler, processor = (platform.container(f"airflow-{name}") for name in ("scheduler", "dag-processor"))
    pause(processor)
    pause(scheduler)
    try:
        platform.sql(
            "update dag_run set start_date = case run_type when 'scheduled' then now() - interval '61 minutes'"
            " else start_date - interval '2 hours' end where dag_id = 'dataops_pipeline'"
        )
        run_id = platform.sql(
            "select run_id from dag_run where dag_id = 'dataops_pipeline' and run_type = 'scheduled'"
        )
        watch = f"dataops airflow watch --env sick {run_id}"
        going_on = rf"run {re.escape(run_id)} goes on for 6\d minutes"
        code, result, said, remedy = platform.finds("pipeline")
        assert (code, result, remedy) == (0, "warn", watch)
        assert re.fullmatch(f"{going_on} already", said)

        ago = "date_trunc('minute', now()) - interval '2 hours'"
        due = f"next_dagrun = {ago}, next_dagrun_create_after = {ago}, exceeds_max_non_backfill = false"
        platform.sql(f"update dag set {due} where dag_id = 'dataops_pipeline'")
        code, result, said, remedy = platform.finds("pipeline")
        assert (code, result, remedy) == (1, "fail", watch)
        assert re.search(rf" has not begun, 12\d minutes late: {going_on}$", said)
        assert platform.run("airflow", "stop", run_id).returncode == 0
        code, result, said, remedy = platform.finds("pipeline")
        assert (code, result, said[-13:]) == (1, "fail", " minutes late")
        assert remedy.splitlines() == [
            "dataops health --env sick --check airflow",
            "dataops airflow runs --env sick",
        ]
        status = json.loads(platform.run("status", "--json", DATAOPS_AIRFLOW__SCHEDULE="@yearly").stdout)
        (alert,) = (item for item in status["alerts"] if item["about"] == "pipeline")
        assert (alert["result"], alert["found"][:11], alert["remedy"]) == ("fail", "the run of ", remedy)
    finally:
        docker("unpause", scheduler)
    # It begins the one that is late, which comes after the two that failed, although it was due before them.
    try:
        until(lambda: "is running; the next is due at " in platform.finds("pipeline")[2])
    finally:
        docker("unpause", processor)
        file.write_text(before)
    platform.until_healthy("containers")


def test_a_backup_is_old(platform: Platform) -> None:
    assert platform.finds("backup") == (0, "warn", "there is none", "dataops backup create --env sick")
    made = json.loads(platform.run("backup", "create", "--json").stdout)["id"]
    assert platform.finds("backup")[:3] == (0, "ok", f"{made} is 0 days old")
    state = state_of(docker_api.connect(), load_environment(Project(platform.folder), "sick"))
    nine_days_ago = (datetime.now(UTC) - timedelta(days=9)).isoformat(timespec="seconds")
    state.add(f"{DOCUMENTS}/{made}.json", {**state.documents(DOCUMENTS)[made], "made_at": nine_days_ago})
    assert platform.finds("backup") == (
        0,
        "warn",
        f"{made} is 9 days old",
        "dataops backup create --env sick",
    )
    assert platform.run("backup", "create").returncode == 0
    assert platform.finds("backup")[:2] == (0, "ok")


def test_others_can_read_the_secrets(platform: Platform) -> None:
    file = platform.folder / "environments" / "sick.secrets.env"
    file.chmod(0o644)
    assert platform.finds("secrets") == (
        1,
        "fail",
        "others can read environments/sick.secrets.env (mode 0644)",
        "chmod 600 environments/sick.secrets.env",
    )
    file.chmod(0o600)
    assert platform.finds("secrets")[:2] == (0, "ok")


def test_a_certificate_has_expired(platform: Platform) -> None:
    code, result, found, remedy = platform.finds("certificate", DATAOPS_WORKER__CERTIFICATE=certificate(-1))
    assert (code, result) == (1, "fail")
    assert found.startswith("it expired on ")
    assert remedy.endswith("dataops worker certificate --env sick")
    soon = platform.finds("certificate", DATAOPS_WORKER__CERTIFICATE=certificate(10))
    assert soon[:2] == (0, "warn")
    assert platform.finds("certificate", DATAOPS_WORKER__CERTIFICATE=certificate(100))[:2] == (0, "ok")


def test_the_engine_cannot_be_reached(platform: Platform) -> None:
    code, found = platform.health(*LOOKED_AT, DOCKER_HOST="tcp://127.0.0.1:1")
    assert code == 3
    assert found["engine"]["result"] == "fail"
    assert found["engine"]["remedy"] == "Check DOCKER_HOST and that the engine there runs: docker info"
    assert [name for name, item in found.items() if item["result"] == "fail"] == ["engine"]
    assert found["containers"]["found"] == found["pipeline"]["found"] == "the engine is not reachable"


def test_the_engine_hangs(platform: Platform) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        code, found = platform.health(*LOOKED_AT, "--timeout", "2", DOCKER_HOST=host)
    assert (code, found["engine"]["found"]) == (3, "no answer within 2 s")


def test_watching_without_a_terminal(platform: Platform) -> None:
    process = platform.begin("health", "--check", "redis", "--watch")
    assert process.stdout is not None
    assert process.stdout.readline().rstrip().endswith(" sick is healthy: 2 checks made.")
    pause(platform.container("redis"))
    try:
        said = islice(process.stdout, 30)
        assert any(" sick is not healthy: 1 of 2 checks failed" in line for line in said)
        assert any("fail redis: Service redis does not run" in line for line in said)
    finally:
        docker("unpause", platform.container("redis"))
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 130
    process.communicate()


def test_watching_on_a_terminal_draws_in_place(platform: Platform) -> None:
    ours, theirs = pty.openpty()
    process = platform.begin(
        "health", "--check", "redis", "--watch", stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    seen = ""
    deadline = time.monotonic() + 120
    while seen.count("Ctrl-C ends it") < 2 and time.monotonic() < deadline:
        if select.select([ours], [], [], 1)[0]:
            seen += os.read(ours, 65536).decode(errors="replace")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 130
    os.close(ours)
    assert "sick is healthy: 2 checks made." in seen
    assert "\x1b[1A\x1b[2K" in seen  # one line up, and away with it


def certificate(days: int) -> str:
    """A certificate that ends in so many days, as worker.certificate has it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.x509.oid import NameOID

    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dataops")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), 1, now - timedelta(days=90), now + timedelta(days=days, hours=1)
        )
    ).sign(key, algorithm=None)
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    return base64.b64encode(ssl.PEM_cert_to_DER_cert(pem)).decode()
