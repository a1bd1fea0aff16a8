"""The platform's own Compose files on a real engine.

PostgreSQL, Redis and Airflow are real, Airflow's and dbt's images are built here; SQL Server and CloudBeaver are
stand-ins that keep the name, the ports and the secrets of the service, and nothing else.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from airflow_api import AirflowApi
from small_stack import docker

from dataops_cli import docker_api
from local_engine import pause
from support import Dataops

pytestmark = pytest.mark.engine

ENVIRONMENT = """\
description = "A stack of the tests"
[warehouse]
engine = "sqlserver"
[stack]
enabled = true
files = ["compose/compose.yml", "compose/release.yml"]
name = "{name}"
prefix = "{name}-"
port_offset = 13000
profiles = ["cloudbeaver"]
timeout = 600
"""


@pytest.fixture
def platform(
    tmp_path: Path, new_platform: Callable[[Path], Path], swept: Callable[[str], None]
) -> tuple[Path, str]:
    """A new platform with an environment `teststack`, and the Compose project's name."""
    folder = new_platform(tmp_path / "my platform")
    name = f"dataops-test-{os.getpid()}"
    (folder / "environments" / "teststack.toml").write_text(ENVIRONMENT.format(name=name))
    swept(name)
    return folder, name


def use(folder: Path, text: str) -> None:
    """Put one small Compose file in place of the platform's own."""
    (folder / "compose" / "release.yml").write_text("services: {}\n")
    (folder / "compose" / "compose.yml").write_text(text)


def containers(engine: docker_api.Engine, name: str) -> dict[str, str]:
    found = engine.containers(f"com.docker.compose.project={name}")
    return {item["Labels"]["com.docker.compose.service"]: item["Id"] for item in found}


SERVICES = {
    "airflow-dag-processor",
    "airflow-init",
    "airflow-scheduler",
    "airflow-webserver",
    "cloudbeaver",
    "dbt",
    "postgres",
    "redis",
    "sqlserver",
}
# One task on dbt's queue; with `sleep`, its first try takes long.
DAG = """\
from datetime import timedelta

from airflow.sdk import dag, task


@dag(schedule=None, is_paused_upon_creation=False)
def on_dbt():
    @task.bash(executor="CeleryExecutor", queue="dbt", retries=1, retry_delay=timedelta(0))
    def work():
        return (
            "echo try {{ ti.try_number }} on $(hostname); dataops --version;"
            "{% if dag_run.conf.get('sleep') and ti.try_number == 1 %} sleep 300 {% endif %}"
        )

    work()


on_dbt()
"""


def test_the_whole_stack_up_twice_edited_and_down(
    dataops: Dataops,
    engine: docker_api.Engine,
    platform: tuple[Path, str],
    stand_ins: dict[str, str],
    compose: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    folder, name = platform
    (folder / "airflow" / "dags" / "on_dbt.py").write_text(DAG)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return dataops("--env", "teststack", *arguments, cwd=folder, **stand_ins)

    first = run("up")
    assert first.returncode == 0, first.stderr
    assert "teststack is up and healthy: 9 services" in first.stdout
    secrets = folder / "environments" / "teststack.secrets.env"
    assert secrets.stat().st_mode & 0o777 == 0o600
    passwords = dict(re.findall(r"DATAOPS_(?:SECRETS__)?(\w+)='([\w=-]{32,})'", secrets.read_text()))
    assert len(set(passwords.values())) == 11

    rows = {row["service"]: row for row in json.loads(run("ps", "--json").stdout)}
    assert {*rows} == SERVICES
    assert rows.pop("airflow-init")["exit_code"] == 0
    assert {(row["state"], row["health"]) for row in rows.values()} == {("running", "healthy")}
    before = containers(engine, name)
    documents = {service: engine.inspect(item) for service, item in before.items()}
    images = {engine.image(item["Image"])["Id"]: engine.image(item["Image"]) for item in documents.values()}  # type: ignore[index]
    shown = json.dumps([documents, images])
    assert not any(password in shown for password in passwords.values())
    for document in documents.values():
        published = document["NetworkSettings"]["Ports"].values()
        assert {port["HostIp"] for ports in published for port in ports or []} <= {"127.0.0.1"}
        assert "no-new-privileges:true" in document["HostConfig"]["SecurityOpt"]
        assert document["HostConfig"]["CapDrop"] == ["ALL"]
        assert document["HostConfig"]["Memory"] > 0
    assert documents["postgres"]["HostConfig"]["PortBindings"] == {}
    users = {"airflow-webserver": "50000", "airflow-scheduler": "50000", "dbt": "50000", "redis": "999"}
    for service, expected in users.items():
        assert documents[service]["HostConfig"]["ReadonlyRootfs"]
        code, user = engine.exec(before[service], ["id", "-u"])
        assert (code, user.decode().strip()) == (0, expected)
    # Airflow's worker knows neither the database's password nor what Airflow signs and encrypts with.
    code, known = engine.exec(before["dbt"], ["ls", "/run/secrets"])
    assert (code, known.decode().split()) == (
        0,
        ["notification_urls", "redis_password", "warehouse_password"],
    )

    query = "select count(*) from ab_user"
    code, answer = engine.exec(before["postgres"], ["psql", "-U", "airflow", "-d", "airflow", "-Atc", query])
    assert (code, answer.decode().strip()) == (0, "1")
    health = json.loads(urlopen("http://127.0.0.1:21080/api/v2/monitor/health").read())
    assert {health[part]["status"] for part in ("metadatabase", "scheduler", "dag_processor")} == {"healthy"}
    assert sign_in(21080, passwords["AIRFLOW_ADMIN_PASSWORD"]) == 201
    assert sign_in(21080, "admin") == 401
    code, answer = engine.exec(before["dbt"], ["python", "-c", REACH_SQLSERVER])
    assert (code, "ODBC Driver 18 for SQL Server" in answer.decode()) == (0, True), answer
    airflow = AirflowApi(21080, passwords["AIRFLOW_ADMIN_PASSWORD"])
    a_task_on_dbt_s_queue_runs_in_its_container(airflow, before["dbt"])
    neither_a_killed_worker_nor_a_killed_queue_loses_a_task(airflow, before, engine)

    # What brings the database to its schema and makes the administrator may run again at any time.
    once_more = run("exec", "--one-off", "airflow-init", "--", "initialise")
    assert once_more.returncode == 0, once_more.stderr
    assert sign_in(21080, passwords["AIRFLOW_ADMIN_PASSWORD"]) == 201

    again = run("up")
    assert again.stdout == "teststack is up and healthy: 9 services, no changes.\n"
    assert containers(engine, name) == before
    listed = compose("-p", name, "ps", "--all", "--format", "json", cwd=folder)
    assert {json.loads(line)["Service"] for line in listed.stdout.splitlines()} == SERVICES

    compose_file = folder / "compose" / "compose.yml"
    compose_file.write_text(compose_file.read_text().replace("DATAOPS_DBT_TARGET: sqlserver", "X: y"))
    plan = run("up", "--plan")
    assert plan.stdout == f"recreate {name}-dataops-dbt: its configuration changed\n"
    assert containers(engine, name) == before
    assert run("up").returncode == 0
    after = containers(engine, name)
    assert {service for service in before if before[service] != after[service]} == {"dbt"}

    (folder / "dbt" / "models" / "gold" / "one_more.sql").write_text("select 1 as one")
    assert run("up", "--plan").stdout.splitlines() == [
        "build dataops-dbt:teststack: what it is built from changed",
        f"recreate {name}-dataops-airflow-dag-processor: its image changed",
        f"recreate {name}-dataops-dbt: its image changed",
    ]
    assert "stand-in started" in run("logs", "sqlserver").stdout
    assert run("stop").returncode == 0
    assert {row["state"] for row in json.loads(run("ps", "--json").stdout)} == {"exited"}
    assert run("up", "postgres").returncode == 0
    running = [row["service"] for row in json.loads(run("ps", "--json").stdout) if row["state"] == "running"]
    assert running == ["postgres"]

    down = run("down")
    assert down.returncode == 0, down.stderr
    label = f"com.docker.compose.project={name}"
    assert (engine.containers(label), engine.networks(label)) == ([], [])
    assert len(engine.volumes(label)) == 7  # with the stack's state

    kept = run("down", "--volumes")
    assert kept.returncode == 5
    assert "Nothing was removed" in kept.stderr
    assert "--volumes --yes" in kept.stderr
    assert len(engine.volumes(label)) == 7  # with the stack's state

    secrets.unlink()
    assert run("up", "--plan").returncode == 3
    missing = run("up")
    assert missing.returncode == 3
    assert "Missing secrets: secrets.sqlserver_sa_password, secrets.postgres_password" in missing.stderr
    assert not secrets.exists()

    assert run("down", "--volumes", "--yes").returncode == 0
    assert engine.volumes(label) == []


# Nothing listens there, and the driver's own words show that it was loaded with all that it needs.
REACH_SQLSERVER = """
import os, pyodbc
driver = os.environ["DATAOPS_DBT_SQLSERVER_DRIVER"]
try:
    pyodbc.connect(f"DRIVER={driver};SERVER=127.0.0.1,9;UID=a;PWD=b", timeout=1)
except pyodbc.Error as error:
    print(error)
"""


def sign_in(port: int, password: str) -> int:
    try:
        AirflowApi(port, password)
    except HTTPError as error:
        return error.code
    return 201


def a_task_on_dbt_s_queue_runs_in_its_container(airflow: AirflowApi, worker: str) -> None:
    run = airflow.trigger("on_dbt")
    airflow.succeeds("on_dbt", run, "work", 180)
    airflow.until(lambda: f"try 1 on {worker[:12]}" in airflow.log("on_dbt", run, "work", 1), 60)
    airflow.until(
        lambda: any(line.startswith("dataops ") for line in airflow.log("on_dbt", run, "work", 1)), 60
    )


def neither_a_killed_worker_nor_a_killed_queue_loses_a_task(
    airflow: AirflowApi, containers: dict[str, str], engine: docker_api.Engine
) -> None:
    cut_off = airflow.trigger("on_dbt", sleep=True)
    airflow.until(lambda: airflow.state("on_dbt", cut_off, "work") == "running", 180)
    # Also the log of a task that runs can be read.
    airflow.until(lambda: any("try 1 on" in line for line in airflow.log("on_dbt", cut_off, "work", 1)), 60)
    docker("kill", containers["dbt"])
    killed = time.time()
    waiting = airflow.trigger("on_dbt")
    length = 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli llen dbt'
    airflow.until(lambda: engine.exec(containers["redis"], ["sh", "-c", length]) == (0, b"1\n"), 120)
    docker("restart", "--time", "0", containers["redis"])
    docker("start", containers["dbt"])
    airflow.succeeds("on_dbt", waiting, "work", 180)
    # After its last sign of life 30 s, and 2 more until that is seen; the queue was away, too. The pipeline's own tasks,
    # which have a minute: tests/flow.
    airflow.succeeds("on_dbt", cut_off, "work", 300)
    again = airflow.get(f"/dags/on_dbt/dagRuns/{cut_off}/taskInstances/work")["start_date"]
    assert datetime.fromisoformat(again).timestamp() - killed < 200  # without our settings: 300
    last = f"try 2 on {containers['dbt'][:12]}"
    airflow.until(lambda: last in airflow.log("on_dbt", cut_off, "work", 2), 60)


def test_compose_and_we_take_away_what_the_other_made(
    dataops: Dataops,
    engine: docker_api.Engine,
    platform: tuple[Path, str],
    compose: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    folder, name = platform
    use(folder, "services: {web: {image: 'dataops-test/stand-in:1', init: true}}\n")
    assert dataops("up", "--env", "teststack", cwd=folder).returncode == 0
    assert compose("-p", name, "down", cwd=folder).returncode == 0
    label = f"com.docker.compose.project={name}"
    assert (engine.containers(label), engine.networks(label)) == ([], [])

    file = folder / "theirs.yml"
    file.write_text("services: {web: {image: 'dataops-test/stand-in:1', init: true}}\n")
    assert compose("-p", name, "-f", str(file), "up", "-d", cwd=folder).returncode == 0
    shown = dataops("ps", "--env", "teststack", cwd=folder)
    assert f"{name}-web-1" in shown.stdout
    assert dataops("down", "--env", "teststack", cwd=folder).returncode == 0
    assert (engine.containers(label), engine.networks(label)) == ([], [])


def test_a_service_that_exits_is_named_with_its_log(dataops: Dataops, platform: tuple[Path, str]) -> None:
    folder, name = platform
    use(
        folder,
        "services:\n  bad:\n    image: dataops-test/stand-in:1\n"
        "    command: [sh, -c, 'echo no such thing; exit 7']\n"
        "    healthcheck: {test: 'true', interval: 1m}\n",
    )
    failed = dataops("up", "--env", "teststack", cwd=folder)
    assert failed.returncode == 1
    assert failed.stderr == (
        f"error: {name}-bad-1 exited with code 7\n"
        "  its log: no such thing\n"
        "  → Mend the cause, then run the command again: it goes on where it stopped. "
        f"Whole log: docker logs {name}-bad-1\n"
    )


def test_no_engine(dataops: Dataops, platform: tuple[Path, str]) -> None:
    failed = dataops("up", "--env", "teststack", cwd=platform[0], DOCKER_HOST="tcp://127.0.0.1:9")
    assert failed.returncode == 3
    assert "Cannot reach the Docker engine of tcp://127.0.0.1:9" in failed.stderr
    assert "Check DOCKER_HOST" in failed.stderr


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("[sh, -c, 'sleep 0.1; exit 3']", "exited with code 3"),
        ("[sh, -c, 'exit 3'], restart: unless-stopped", "exits and restarts over and over"),
    ],
)
def test_a_service_without_a_health_check_must_stay(
    dataops: Dataops, platform: tuple[Path, str], command: str, reason: str
) -> None:
    folder, name = platform
    use(folder, f"services: {{bad: {{image: 'dataops-test/stand-in:1', command: {command}}}}}\n")
    failed = dataops("up", "--env", "teststack", cwd=folder)
    assert failed.returncode == 1
    assert f"error: {name}-bad-1 {reason}" in failed.stderr


def test_a_dependent_of_what_has_only_to_be_started_does_not_wait_for_its_health(
    dataops: Dataops, platform: tuple[Path, str], engine: docker_api.Engine
) -> None:
    folder, name = platform
    use(
        folder,
        "services:\n"
        "  slow:\n"
        "    image: dataops-test/stand-in:1\n"
        "    init: true\n"
        "    healthcheck: {test: 'false', interval: 1s, retries: 10}\n"
        "  web: {image: 'dataops-test/stand-in:1', init: true, depends_on: [slow]}\n",
    )
    failed = dataops("up", "--env", "teststack", cwd=folder)
    assert failed.returncode == 1
    assert f"error: {name}-slow-1 is unhealthy" in failed.stderr
    assert engine.inspect(f"{name}-web-1")["State"]["Running"]


def test_what_an_old_container_takes_to_stop_is_no_part_of_the_timeout(
    dataops: Dataops, platform: tuple[Path, str]
) -> None:
    """Such as a worker that finishes its tasks."""
    folder, _ = platform
    text = (
        "services:\n"
        "  work:\n"
        "    image: dataops-test/stand-in:1\n"
        "    command: [sh, -c, 'trap \"\" TERM; while true; do sleep 1; done']\n"
        "    stop_grace_period: 20s\n"
        "    healthcheck: {test: 'true', interval: 200ms}\n"
    )
    use(folder, text)
    assert dataops("up", "--env", "teststack", cwd=folder).returncode == 0
    use(folder, text + "    environment: {VERSION: '2'}\n")
    again = dataops("up", "--env", "teststack", "--timeout", "19", cwd=folder)
    assert again.returncode == 0, again.stderr


def test_a_paused_container_is_not_healthy(
    dataops: Dataops, platform: tuple[Path, str], engine: docker_api.Engine
) -> None:
    folder, name = platform
    use(folder, "services: {web: {image: 'dataops-test/stand-in:1', init: true}}\n")
    assert dataops("up", "--env", "teststack", cwd=folder).returncode == 0
    pause(f"{name}-web-1")
    failed = dataops("up", "--env", "teststack", cwd=folder)
    assert failed.returncode == 1
    assert f"{name}-web-1 is paused (docker unpause {name}-web-1 lets it go on)" in failed.stderr


def test_another_prefix_does_not_leave_the_data_behind(
    dataops: Dataops, platform: tuple[Path, str], engine: docker_api.Engine
) -> None:
    folder, name = platform
    use(
        folder,
        "services: {web: {image: 'dataops-test/stand-in:1', init: true, volumes: ['data:/data']}}\n"
        "volumes: {data: {name: '${STACK_PREFIX}data'}}\n",
    )
    assert dataops("up", "--env", "teststack", cwd=folder).returncode == 0
    settings = folder / "environments" / "teststack.toml"
    settings.write_text(settings.read_text().replace(f'prefix = "{name}-"', 'prefix = "other-"'))
    for arguments in (["up", "--plan"], ["up"]):
        refused = dataops(*arguments, "--env", "teststack", cwd=folder)
        assert refused.returncode == 5
        assert f"is there under another name: {name}-data" in refused.stderr
    volumes = {item["Name"] for item in engine.volumes(f"com.docker.compose.project={name}")}
    assert f"{name}-data" in volumes
    assert "other-data" not in volumes


def test_a_job_that_has_ended_well_is_up_and_stays_so(dataops: Dataops, platform: tuple[Path, str]) -> None:
    folder, _ = platform
    use(folder, "services: {job: {image: 'dataops-test/stand-in:1', command: 'true'}}\n")
    first = dataops("up", "--env", "teststack", cwd=folder)
    assert first.returncode == 0, first.stderr
    again = dataops("up", "--env", "teststack", cwd=folder)
    assert again.stdout == "teststack is up and healthy: 1 service, no changes.\n"
