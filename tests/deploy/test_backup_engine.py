"""The metadata database on a real engine: backed up, changed, restored, and equal to what it was; also after kills.

PostgreSQL is real; the scheduler and airflow-init are small scripts that use it as Airflow does, and hold sessions.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dataops_cli import docker_api
from dataops_cli.console import Console
from dataops_cli.deploy import airflow_schema
from dataops_cli.deploy import backup as backups
from dataops_cli.deploy.backup_create import create
from dataops_cli.deploy.changes import AirflowChange
from dataops_cli.deploy.journal import Kind, Outcome
from dataops_cli.deploy.site import Site
from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError
from dataops_cli.project import Project
from dataops_cli.settings.load import load_environment
from dataops_cli.stack.lock import lock_name
from dataops_cli.stack.state import State
from support import Dataops, absent, clean_environment, until
from sweep import sweep

pytestmark = pytest.mark.engine

IMAGE = "dataops-test/postgres:15"
ENVIRONMENT = """\
[warehouse]
engine = "duckdb"
[dbt]
runner = "process"
[backup]
keep = 2
[stack]
enabled = true
files = ["compose/small.yml"]
name = "{name}"
prefix = "{name}-"
timeout = 120
"""
# airflow-init refuses a database that has a table of a newer Airflow.
FILE = """\
services:
  postgres:
    image: dataops-test/postgres:15
    environment: {POSTGRES_USER: airflow, POSTGRES_DB: airflow, POSTGRES_PASSWORD_FILE: /run/secrets/postgres_password}
    secrets: [postgres_password]
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {test: pg_isready --quiet --host=127.0.0.1 --username=airflow --dbname=airflow, interval: 300ms, retries: 100}
    stop_grace_period: 5s
  airflow-init:
    image: dataops-test/postgres:15
    entrypoint: ["sh", "-c"]
    command:
      - >-
        PGPASSWORD="$$(cat /run/secrets/postgres_password)" psql -h postgres -U airflow -v ON_ERROR_STOP=1
        -c "do 'begin if to_regclass(''newer'') is not null then raise ''newer''; end if; end'"
        -c "create table if not exists beat (at timestamptz)"
    secrets: [postgres_password]
    depends_on: {postgres: {condition: service_healthy}}
  airflow-scheduler:
    image: dataops-test/postgres:15
    entrypoint: ["sh", "-c"]
    init: true
    stop_grace_period: 1s
    labels: {org.opencontainers.image.revision: abc123}
    command:
      - >-
        while true; do
        PGPASSWORD="$$(cat /run/secrets/postgres_password)" psql -h postgres -U airflow
        -c "insert into beat values (now())" -c "select pg_sleep(3600)";
        sleep 0.1; done
    secrets: [postgres_password]
    depends_on: {airflow-init: {condition: service_completed_successfully}, postgres: {condition: service_healthy}}
  aside:
    image: dataops-test/postgres:15
    entrypoint: ["sleep", "3600"]
    init: true
volumes: {data: {}}
secrets: {postgres_password: {file: ./password}}
"""
SECRET = "hush 'hush'"  # noqa: S105
# Names, types and content of all kinds; `serial` has a sequence, `child` a foreign key.
DATA = """
create table dag_run (id serial primary key, dag_id text not null, conf jsonb, at timestamptz, note bytea);
insert into dag_run (dag_id, conf, at, note)
select 'dag ' || n, jsonb_build_object('n', n, 'text', E'quo\\'te "ü" \\n'), timestamptz '2026-01-01' + n * interval '1 s',
decode(md5(n::text), 'hex') from generate_series(1, 20000) n;
create table "Task Instance" (dag_run_id int references dag_run on delete cascade, state text, unique (dag_run_id, state));
insert into "Task Instance" select id, unnest(array['success', null, 'failed']) from dag_run where id % 7 = 0;
create view failed as select dag_id from dag_run join "Task Instance" on id = dag_run_id where state = 'failed';
"""
CHANGES = """
delete from dag_run where id % 3 = 0;
update dag_run set note = null, conf = '[]' where id % 5 = 0;
insert into dag_run (dag_id) values ('after');
alter table dag_run add column later int default 7;
create table later (x int);
"""


@pytest.fixture(scope="module")
def engine() -> Engine:
    try:
        found = docker_api.connect()
    except DataopsError as error:
        absent("an engine", error.reason)
    if found.image(IMAGE) is None:
        absent(IMAGE, f"{IMAGE} is not there")
    return found


@dataclass
class Stack:
    dataops: Dataops
    engine: Engine
    folder: Path
    name: str

    @property
    def state(self) -> State:
        return State(self.engine, self.name, f"{self.name}-deploy_state")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.dataops(*arguments, "--env", "small", cwd=self.folder)

    def json(self, *arguments: str) -> dict[str, object]:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "dataops_cli", *arguments, "--env", "small"],
            cwd=self.folder,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def container(self, service: str) -> str:
        return f"{self.name}-{service}-1"

    def running(self, service: str) -> bool:
        return bool(self.engine.inspect(self.container(service))["State"]["Running"])

    def psql(self, *statements: str, database: str = "airflow") -> str:
        options = ["--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-U", "airflow", "-d", database]
        given = [word for statement in statements for word in ("-c", statement)]
        code, output = self.engine.exec(self.container("postgres"), ["psql", *options, *given])
        assert code == 0, output.decode()
        return output.decode()

    def content(self) -> str:
        """All rows of all tables, and the schema, without what the scheduler writes all the time."""
        command = ["pg_dump", "-U", "airflow", "--exclude-table=beat", "airflow"]
        code, output = self.engine.exec(self.container("postgres"), command)
        assert code == 0
        # A random token of psql's, in each dump.
        return re.sub(r"^\\(un)?restrict .*$", "", output.decode(), flags=re.MULTILINE)

    def databases(self) -> list[str]:
        found = self.psql("select datname from pg_database where datname like 'airflow%'").split()
        return sorted(found)

    def fill(self) -> None:
        self.psql('drop table if exists later, newer, "Task Instance", dag_run cascade', DATA)

    def is_at_work(self) -> bool:
        """Whether PostgreSQL's container still carries out what a killed command has begun."""
        programs = ("psql", "pg_dump", "pg_restore")
        lines = self.engine.processes(self.container("postgres"))
        return any(program in line for program in programs for line in lines)

    def is_removing(self) -> bool:
        """Whether the engine still removes old files for a command that was killed meanwhile."""
        name = f"/{self.name}-state-remove"
        return any(name in item["Names"] and item["State"] == "running" for item in self.engine.containers())

    def left_in_container(self) -> str:
        return self.engine.exec(self.container("postgres"), ["ls", "-A", "/tmp"])[1].decode()


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    new_platform: Callable[[Path], Path],
    dataops: Dataops,
    engine: Engine,
) -> Iterator[Stack]:
    folder = new_platform(tmp_path_factory.mktemp("backup") / "my platform")
    name = f"dataops-backup-{os.getpid()}"
    (folder / "environments" / "small.toml").write_text(ENVIRONMENT.format(name=name))
    (folder / "compose" / "small.yml").write_text(FILE)
    (folder / "compose" / "password").write_text(SECRET)
    found = Stack(dataops, engine, folder, name)
    not_yet = found.run("backup", "create")
    assert (not_yet.returncode, not_yet.stderr) == (
        3,
        "error: Service postgres does not run\n  → Start it: dataops up postgres --env small\n",
    )
    try:
        up = found.run("up")
        assert up.returncode == 0, up.stderr
        yield found
    finally:
        sweep(engine, name)


def test_what_is_restored_is_what_was_backed_up(stack: Stack) -> None:
    stack.fill()
    before = stack.content()
    assert stack.run("backup").stdout == (
        "There are no backups yet. Make one with: dataops backup create --env small\n"
    )
    made = stack.json("backup", "create", "--reason", "a 'test'")
    assert made["reason"] == "a 'test'"
    assert made["release"] == "abc123"
    assert str(made["versions"]["postgres"]).startswith("15.")
    listed = stack.run("backup", "list", "--json")
    assert [item["id"] for item in json.loads(listed.stdout)] == [made["id"]]
    assert stack.left_in_container() == ""

    stack.psql(CHANGES)
    assert stack.content() != before
    refused = stack.run("backup", "restore", str(made["id"]))
    assert refused.returncode == 5
    assert "Nothing was restored" in refused.stderr
    assert stack.content() != before
    plan = stack.run("backup", "restore", str(made["id"]), "--plan").stdout.splitlines()
    assert plan == [
        f"restore metadata.dump into a database airflow_restored in {stack.container('postgres')}",
        f"stop {stack.container('airflow-scheduler')}",
        "rename airflow to airflow_before_…, and airflow_restored to airflow; drop what earlier restores kept",
        "bring the database to Airflow's schema (airflow-init)",
        f"start {stack.container('airflow-scheduler')}",
    ]
    aside = stack.engine.inspect(stack.container("aside"))["State"]["StartedAt"]
    done = stack.json("backup", "restore", str(made["id"]), "--yes")
    assert stack.content() == before
    assert done["parts"] == ["metadata"]
    assert stack.databases() == ["airflow", done["kept_database"]]
    assert stack.running("airflow-scheduler")
    assert stack.engine.inspect(stack.container("aside"))["State"]["StartedAt"] == aside
    assert stack.left_in_container() == ""
    # Sequences go on where they were.
    assert stack.psql("insert into dag_run (dag_id) values ('x') returning id").strip() == "20001"


@pytest.mark.parametrize(("was_paused", "after"), [(False, "f"), (True, "t"), (None, "t")])
def test_a_pipeline_that_was_paused_for_a_deployment_runs_again_after_a_restore(
    stack: Stack, was_paused: bool | None, after: str
) -> None:
    others = "insert into dag values ('dataops_pipeline', true), ('of_somebody', true)"
    stack.psql("drop table if exists dag; create table dag (dag_id text, is_paused boolean)", others)
    project = Project(stack.folder)
    made = create(
        stack.engine,
        project,
        load_environment(project, "small"),
        reason="before deploy 3",
        report=lambda _subject, _text: None,
        was_paused=was_paused,
    )
    stack.psql("delete from dag")
    plan = stack.run("backup", "restore", made.id, "--plan").stdout
    assert ("let the pipeline run again in it" in plan) is (after == "f")
    done = stack.run("backup", "restore", made.id, "--yes")
    assert done.returncode == 0, done.stderr
    found = stack.psql("select is_paused from dag order by dag_id").split()
    assert found == [after, "t"]
    assert ("The pipeline is paused, as it was when the backup was made" in done.stderr) is (after == "t")
    stack.psql("drop table dag")


def test_what_was_there_before_the_restore_is_kept_until_the_next(stack: Stack) -> None:
    stack.fill()
    made = stack.json("backup", "create")
    first = stack.json("backup", "restore", str(made["id"]), "--yes")
    stack.psql("create table later (x int)")
    second = stack.json("backup", "restore", str(made["id"]), "--yes")
    assert stack.databases() == ["airflow", second["kept_database"]]
    assert first["kept_database"] != second["kept_database"]
    assert stack.psql("select count(*) from later", database=str(second["kept_database"])) == "0\n"


def test_only_the_newest_are_kept_and_what_a_kill_left_is_removed(stack: Stack) -> None:
    stack.fill()
    left = backups.begin(stack.state)
    stack.state.put(backups.path_of(left, "metadata.dump"), b"half")
    # What a kill while something was removed leaves.
    stack.engine.create(f"{stack.name}-state-remove", {"Image": IMAGE, "Entrypoint": ["true"]})
    ids = [str(stack.json("backup", "create")["id"]) for _ in range(3)]
    assert [item.id for item in backups.backups(stack.state)] == ids[:0:-1]
    for gone in (left, ids[0]):
        assert stack.state.content(f"{backups.FILES}/{gone}/metadata.dump") is None
        assert stack.state.content(f"{backups.BEGUN}/{gone}.json") is None
    assert stack.state.content(f"{backups.FILES}/{ids[1]}/metadata.dump")


def test_a_damaged_file_is_refused_before_anything_is_touched(stack: Stack) -> None:
    stack.fill()
    made = stack.json("backup", "create")
    path = backups.path_of(str(made["id"]), "metadata.dump")
    content = bytearray(stack.state.content(path) or b"")
    content[len(content) // 2] ^= 1
    stack.state.put(path, bytes(content))
    before, started = stack.databases(), stack.engine.inspect(stack.container("airflow-scheduler"))["State"]
    refused = stack.run("backup", "restore", str(made["id"]), "--yes")
    assert refused.returncode == 5
    assert re.match(
        r"error: metadata.dump is not what was backed up \(\d+ bytes, SHA-256 \w{12}…\): it has",
        refused.stderr,
    )
    assert stack.databases() == before
    assert stack.engine.inspect(stack.container("airflow-scheduler"))["State"] == started
    stack.state.remove([path])
    assert "it is gone" in stack.run("backup", "restore", str(made["id"]), "--yes").stderr


def test_another_stack_s_backup_and_an_unknown_one_are_refused(stack: Stack) -> None:
    identity = backups.new_id()
    file = {"path": backups.path_of(identity, "metadata.dump"), "bytes": 1, "sha256": "0"}
    document = {
        "id": identity, "number": 1, "environment": "prod", "project": "dataops-prod", "made_at": "2026", "made_by": "x",
        "reason": "", "release": None, "versions": {}, "metadata": file, "warehouse": None,
    }  # fmt: skip
    stack.state.add(f"{backups.DOCUMENTS}/{identity}.json", document)
    refused = stack.run("backup", "restore", identity, "--yes")
    assert refused.returncode == 5
    assert f"The backup {identity} is of prod (stack dataops-prod)" in refused.stderr
    stack.state.remove([f"{backups.DOCUMENTS}/{identity}.json"])
    unknown = stack.run("backup", "restore", "20200101T000000Z-000000", "--yes")
    assert unknown.returncode == 5
    assert "error: There is no backup 20200101T000000Z-000000\n" in unknown.stderr


def test_a_backup_of_a_newer_airflow_is_taken_back(stack: Stack) -> None:
    stack.fill()
    stack.psql("create table newer (x int)")
    made = stack.json("backup", "create")
    stack.psql("drop table newer")
    before = stack.content()
    failed = stack.run("backup", "restore", str(made["id"]), "--yes")
    assert failed.returncode == 1
    assert "airflow-init failed on the restored database (exit code" in failed.stderr
    assert "  The metadata database is what it was before.\n" in failed.stderr
    assert stack.content() == before
    assert "airflow_restored" not in stack.databases()
    assert stack.running("airflow-scheduler")


def test_a_full_disk_leaves_no_backup_and_says_so(stack: Stack) -> None:
    """pg_dump is given a device that is always full in place of its file."""
    stack.fill()
    there = [item.id for item in backups.backups(stack.state)]
    postgres = stack.container("postgres")
    path = stack.engine.exec(postgres, ["sh", "-c", "command -v pg_dump"])[1].decode().strip()
    fake = (
        "#!/bin/sh\nfor word; do case $word in "
        '--file=*) ln -s /dev/full "${word#--file=}";; esac; done\n'
        f'exec {path}.real "$@"\n'
    )
    put = f'mv {path} {path}.real; printf %s "$0" >{path}; chmod 755 {path}'
    stack.engine.exec(postgres, ["sh", "-c", put, fake])
    try:
        done = stack.run("backup", "create")
    finally:
        stack.engine.exec(postgres, ["mv", f"{path}.real", path])
    assert done.returncode == 3, done.stderr
    assert "No space left on device" in done.stderr
    assert "docker system df" in done.stderr
    assert [item.id for item in backups.backups(stack.state)] == there
    assert stack.left_in_container() == ""


@pytest.fixture(scope="module")
def seconds(stack: Stack) -> float:
    """How long a restore takes here."""
    stack.fill()
    made = stack.json("backup", "create")
    begin = time.monotonic()
    stack.json("backup", "restore", str(made["id"]), "--yes")
    return time.monotonic() - begin


# The first part of a restore only starts the command.
@pytest.mark.parametrize("part", [0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
def test_a_kill_at_any_moment_leaves_the_old_or_the_new(stack: Stack, seconds: float, part: float) -> None:
    stack.run("start")
    stack.fill()
    old = stack.content()
    made = stack.json("backup", "create")
    stack.psql(CHANGES)
    changed = stack.content()
    process = stack.begin("backup", "restore", str(made["id"]), "--yes")
    time.sleep(seconds * part)
    process.kill()
    process.wait()
    until(lambda: not stack.is_at_work())
    assert stack.content() in (old, changed)
    again = stack.run("backup", "restore", str(made["id"]), "--yes")
    assert again.returncode == 0, again.stderr
    assert stack.running("airflow-scheduler") or "do not run: airflow-scheduler" in again.stderr
    assert stack.content() == old
    assert stack.left_in_container() == ""
    assert "airflow_restored" not in stack.databases()


def test_a_killed_backup_does_not_count(stack: Stack) -> None:
    stack.fill()
    there = [item.id for item in backups.backups(stack.state)]
    for seconds in (0.9, 1.3, 1.7):
        process = stack.begin("backup", "create")
        time.sleep(seconds)
        process.kill()
        process.wait()
        until(lambda: not stack.is_removing())
        counted = backups.backups(stack.state)
        for item in counted:
            content = stack.state.content(item.metadata.path)
            assert content is not None
            assert len(content) == item.metadata.bytes
    made = stack.json("backup", "create")
    assert made["id"] not in there
    assert len(stack.state.documents(backups.BEGUN)) == 2
    assert lock_name(stack.name) not in [
        name[1:] for item in stack.engine.containers() for name in item["Names"]
    ]


def site_of(stack: Stack) -> Site:
    project = Project(stack.folder)
    return Site(stack.engine, project, load_environment(project, "small"), Console(quiet=True), {})


def test_another_airflow_migrates_a_database_that_can_be_put_back(stack: Stack) -> None:
    stack.run("start")
    stack.fill()
    before = stack.content()
    site = site_of(stack)
    beginning = site.journal.begin(
        1, Kind.DEPLOY, "b", previous="a", generation=None, was_paused=False, had_containers=True
    )
    prepared = airflow_schema.prepare(
        site, site.environment, beginning, AirflowChange("3.3.1", "3.4.0"), lambda *_: None
    )
    assert site.journal.deployments()[0].beginning.backup == prepared.backup
    # Nothing uses it while the newer one migrates it, in which the older one would fail.
    assert not stack.running("airflow-scheduler")
    stack.psql("create table newer (x int)", CHANGES)
    for _time in range(2):  # a way back that was cut off is gone again
        airflow_schema.put_back(site, prepared, lambda: None, lambda *_: None)
        assert stack.content() == before
    site.journal.end(prepared, Outcome.UNDONE)
    started = stack.run("up")
    assert started.returncode == 0, started.stderr
    assert stack.running("airflow-scheduler")


def test_an_airflow_that_cannot_go_back_says_so(stack: Stack) -> None:
    site = site_of(stack)
    beginning = site.journal.begin(
        2, Kind.ROLLBACK, "a", previous="b", generation=None, was_paused=False, had_containers=True
    )
    with pytest.raises(DataopsError, match="no webserver runs that could bring it back"):
        airflow_schema.prepare(
            site, site.environment, beginning, AirflowChange("3.4.0", "3.3.1"), lambda *_: None
        )
