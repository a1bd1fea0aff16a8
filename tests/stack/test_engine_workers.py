"""A worker on another machine: a second set of containers, on a network of its own, beside the stack's.

PostgreSQL, Redis and Airflow are real; SQL Server's container is a stand-in. The stack's ports are published on an
address of this machine that no other container shares, and both sides meet there over TLS.
"""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airflow_api import AirflowApi
from small_stack import docker

from dataops_cli import docker_api
from dataops_cli.stack.certificate import as_line, from_line, key_and_certificate
from support import Dataops, clean_environment, until

pytestmark = pytest.mark.engine

ENVIRONMENT = """\
[warehouse]
engine = "sqlserver"
[stack]
enabled = true
files = ["compose/compose.yml", "compose/release.yml"]
name = "{name}"
prefix = "{name}-"
port_offset = 18000
timeout = 600
[worker]
host = "{address}"
bind_address = "{address}"
certificate = "{certificate}"
"""
REDIS, EXECUTION, AIRFLOW = 24380, 26443, 26080
# Tasks at once in each of the two workers.
SLOTS = 3
DAG = """\
from airflow.sdk import DAG, task

with DAG("shared", schedule=None, is_paused_upon_creation=False, max_active_runs=20):

    @task.bash(executor="CeleryExecutor", queue="dbt")
    def work():
        return (
            "echo done by $(hostname); sleep 1;"
            "{% if dag_run.conf.get('held') %} until test -e /tmp/go; do sleep 0.2; done {% endif %}"
        )

    work()
"""
# What `announce-release` does, with a release that is not its image's own.
TELL = """
import subprocess, sys, redis
url = subprocess.check_output(["redis-url", "2"], text=True)
redis.Redis.from_url(url).set("release", sys.argv[1])
"""


@pytest.fixture
def name(swept: Callable[[str], None]) -> str:
    found = f"dataops-workers-{os.getpid()}"
    swept(f"{found}-worker")
    swept(found)
    return found


@pytest.fixture
def address(engine: docker_api.Engine) -> Iterator[str]:
    """An address of this machine: that of a network without containers."""
    network = f"dataops-elsewhere-{os.getpid()}"
    docker("network", "create", network)
    found = engine.network(network)
    assert found
    yield found["IPAM"]["Config"][0]["Gateway"]
    docker("network", "rm", network)


def test_a_worker_on_another_network_shares_the_queue(
    dataops: Dataops,
    engine: docker_api.Engine,
    new_platform: Callable[[Path], Path],
    tmp_path: Path,
    stand_ins: dict[str, str],
    name: str,
    address: str,
) -> None:
    folder = new_platform(tmp_path / "platform")
    settings = folder / "environments" / "shared.toml"
    (folder / "airflow" / "dags" / "shared.py").write_text(DAG)
    of_another = as_line(key_and_certificate("another secret", address)[1])
    settings.write_text(ENVIRONMENT.format(name=name, address=address, certificate=of_another))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return dataops(*arguments, "--env", "shared", cwd=folder, DBT_CONCURRENCY=str(SLOTS), **stand_ins)

    up = run("up")
    assert up.returncode == 0, up.stderr

    assert run("worker", "up", "--timeout", "1").returncode == 1
    until(lambda: "certificate verify failed" in run("worker", "logs").stdout)
    refused = run("worker", "up", "--timeout", "1")
    assert refused.returncode == 1
    assert "certificate verify failed" in refused.stderr

    line = run("worker", "certificate").stdout.strip()
    settings.write_text(ENVIRONMENT.format(name=name, address=address, certificate=line))
    only_over_tls_with_this_certificate(address, from_line(line))
    up = run("worker", "up")
    assert up.returncode == 0, up.stderr
    assert run("worker", "up").stdout == "The worker takes tasks of shared: no changes.\n"
    own, other = f"{name}-dataops-dbt", f"{name}-dataops-worker"
    hosts = {container: engine.inspect(container)["Id"][:12] for container in (own, other)}
    assert {*engine.inspect(other)["NetworkSettings"]["Networks"]} == {f"{name}-dataops_worker"}
    known = engine.exec(other, ["ls", "/run/secrets"])[1].decode().split()
    assert known == ["notification_urls", "redis_password", "tls_certificate", "warehouse_password"]

    password = re.search(r"AIRFLOW_ADMIN_PASSWORD='(\w+)'", settings.with_suffix(".secrets.env").read_text())
    assert password
    airflow = AirflowApi(AIRFLOW, password[1])

    def ran_on(*runs: str) -> list[str]:
        """The hosts that did the tasks of these runs, which have ended well."""
        for each in runs:
            airflow.succeeds("shared", each, "work", 180)
        return [
            str(airflow.get(f"/dags/shared/dagRuns/{each}/taskInstances/work")["hostname"]) for each in runs
        ]

    def at_work() -> dict[str, int]:
        return {row["name"]: len(row["tasks"]) for row in json.loads(run("worker", "ps", "--json").stdout)}

    ten = [airflow.trigger("shared", held=True) for _ in range(10)]
    airflow.until(lambda: at_work() == {own: SLOTS, other: SLOTS}, 180)
    draining = subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "worker", "stop", other, "--env", "shared"],
        cwd=folder,
        env=clean_environment(**stand_ins),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert draining.stdout
    waiting = rf"{other}: waiting for shared\.work \S+, shared\.work"
    assert any(re.search(waiting, line) for line in draining.stdout)
    for container in hosts:
        assert engine.exec(container, ["touch", "/tmp/go"])[0] == 0
    said = draining.communicate(timeout=120)[0]
    assert draining.returncode == 0, said
    state = engine.inspect(other)["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 0)
    done = ran_on(*ten)
    assert {*done} == {*hosts.values()}
    assert done.count(hosts[other]) >= SLOTS
    theirs = ten[done.index(hosts[other])]
    airflow.until(lambda: f"done by {hosts[other]}" in airflow.log("shared", theirs, "work", 1), 60)

    a_worker_of_another_release_takes_nothing(
        folder, run, engine, own, other, lambda: ran_on(*(airflow.trigger("shared") for _ in range(4)))
    )
    down = run("worker", "down")
    assert down.returncode == 0, down.stderr
    assert engine.containers(f"com.docker.compose.project={name}-worker") == []
    assert {row["name"] for row in json.loads(run("worker", "ps", "--json").stdout)} == {own}


def only_over_tls_with_this_certificate(address: str, certificate: bytes) -> None:
    mine = ssl.create_default_context(cadata=certificate.decode())
    others = ssl.create_default_context(cadata=key_and_certificate("another secret", address)[1].decode())
    for port in (REDIS, EXECUTION):
        with socket.create_connection((address, port), 60) as plain:
            plain.sendall(b"PING\r\n\r\n")
            try:
                answer = plain.recv(100)
            except ConnectionResetError:
                answer = b""
        assert b"PONG" not in answer
        assert b"HTTP" not in answer
        for context, host in ((others, address), (mine, "another.name")):
            with socket.create_connection((address, port), 60) as attempt, pytest.raises(ssl.SSLError):
                context.wrap_socket(attempt, server_hostname=host)
    with (
        socket.create_connection((address, REDIS), 60) as connection,
        mine.wrap_socket(connection, server_hostname=address) as redis,
    ):
        redis.sendall(b"PING\r\n")
        assert redis.recv(100).startswith(b"-NOAUTH")
    # Nothing else than what tasks ask is answered there.
    with (
        socket.create_connection((address, EXECUTION), 60) as connection,
        mine.wrap_socket(connection, server_hostname=address) as execution,
    ):
        execution.sendall(b"GET /api/v2/version HTTP/1.0\r\n\r\n")
        assert execution.recv(100).split()[1] == b"404"
    with socket.socket() as attempt:
        assert attempt.connect_ex(("127.0.0.1", REDIS)) != 0


def a_worker_of_another_release_takes_nothing(
    folder: Path,
    run: Callable[..., subprocess.CompletedProcess[str]],
    engine: docker_api.Engine,
    own: str,
    other: str,
    hosts_of_four_runs: Callable[[], list[str]],
) -> None:
    (folder / "dbt" / "models" / "gold" / "one_more.sql").write_text("select 1 as one")
    assert run("worker", "up", "--timeout", "1").returncode == 1
    until(lambda: "takes no tasks" in run("worker", "ps").stdout)
    refused = run("worker", "up", "--timeout", "1")
    assert refused.returncode == 1
    assert re.search(r"takes no tasks: its image is release \w+ .*, the environment's is \w+", refused.stderr)
    mine, theirs = (engine.inspect(container)["Id"][:12] for container in (own, other))
    assert {*hosts_of_four_runs()} == {mine}

    def announce(container: str) -> None:
        """As the stack does when its release is what this container's is."""
        release = engine.exec(container, ["cat", "/opt/dataops/release"])[1].decode().strip()
        assert engine.exec(own, ["/opt/airflow/venv/bin/python", "-c", TELL, release])[0] == 0

    def says() -> str:
        rows = {row["name"]: row for row in json.loads(run("worker", "ps", "--json").stdout)}
        return f"{rows[other]['health']} {rows[other]['says']}"

    # It goes on looking: it begins when the environment has its release, and stops when it has another.
    announce(other)
    until(lambda: says().startswith("healthy"))
    assert theirs in hosts_of_four_runs()
    announce(own)
    until(lambda: "takes no tasks" in says())
    assert {*hosts_of_four_runs()} == {mine}
