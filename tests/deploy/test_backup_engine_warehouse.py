"""A DuckDB warehouse in the dbt container of a stack as in production: backed up, changed, restored, all rows equal."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dataops_cli import docker_api
from dataops_cli.deploy import backup as backups
from dataops_cli.docker_api import Engine
from dataops_cli.errors import DataopsError
from dataops_cli.stack.state import State
from embedded_stack import IMAGES, environment_file
from support import Dataops, absent
from sweep import sweep

pytestmark = pytest.mark.engine

# A hash of every table's rows, of the warehouse and of its source.
ROWS = """
import duckdb, hashlib, json
found = {}
for file in ("warehouse", "source"):
    with duckdb.connect(f"/opt/dataops/.dataops/saved/{file}.duckdb", read_only=True) as it:
        for schema, table in it.execute("select schema_name, table_name from duckdb_tables()").fetchall():
            rows = it.execute(f'select * from "{schema}"."{table}" order by all').fetchall()
            found[f"{file}.{schema}.{table}"] = [len(rows), hashlib.sha256(repr(rows).encode()).hexdigest()]
print(json.dumps(found))
"""
# Ends with its input.
HOLD = """
import sys
from pathlib import Path
from dataops_cli.warehouse.embedded import EmbeddedWarehouse
with EmbeddedWarehouse(Path("/opt/dataops/.dataops/saved")).hold("a run"):
    print("held", flush=True)
    sys.stdin.read()
"""


@dataclass
class Stack:
    dataops: Dataops
    engine: Engine
    folder: Path
    name: str

    @property
    def state(self) -> State:
        return State(self.engine, self.name, f"{self.name}-deploy_state")

    @property
    def container(self) -> str:
        return f"{self.name}-dataops-dbt"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.dataops(*arguments, "--env", "saved", cwd=self.folder, **IMAGES)

    def json(self, *arguments: str) -> dict[str, object]:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    def load(self, seed: int) -> None:
        settings = ("env", "DATAOPS_SETTINGS_FROM=variables", "DATAOPS_ENV=saved")
        generate = ("dataops", "source", "generate", "--scale", "0.02", "--seed", str(seed))
        done = self.dataops("--env", "saved", "exec", "dbt", *settings, *generate, cwd=self.folder, **IMAGES)
        assert done.returncode == 0, done.stderr

    def rows(self) -> dict[str, list[object]]:
        code, output = self.engine.exec(self.container, ["/opt/dbt/venv/bin/python", "-c", ROWS])
        assert code == 0, output.decode()
        return dict(json.loads(output))

    @contextmanager
    def holding_the_lock(self) -> Iterator[None]:
        """As a run that is going on holds the warehouse."""
        command = ["/opt/dbt/venv/bin/python", "-c", HOLD]
        process = subprocess.Popen(
            ["docker", "exec", "-i", self.container, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            process.stdin.close()
            process.wait()

    def snapshots(self) -> bytes:
        return self.engine.exec(self.container, ["ls", "/opt/dataops/.dataops/saved/snapshots"])[1]


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path], dataops: Dataops
) -> Iterator[Stack]:
    try:
        engine = docker_api.connect()
    except DataopsError as error:
        absent("an engine", error.reason)
    for image in IMAGES.values():
        if engine.image(image) is None:
            absent(image, f"{image} is not there")
    folder = new_platform(tmp_path_factory.mktemp("saved") / "my platform")
    name = f"dataops-backup-duckdb-{os.getpid()}"
    (folder / "environments" / "saved.toml").write_text(environment_file(name))
    found = Stack(dataops, engine, folder, name)
    try:
        up = found.run("up", "dbt", "postgres")
        assert up.returncode == 0, up.stderr
        yield found
    finally:
        sweep(engine, name)


def test_a_warehouse_is_restored_with_its_source(stack: Stack) -> None:
    empty = stack.json("backup", "create")
    assert empty["warehouse"] is None
    refused = stack.run("backup", "restore", str(empty["id"]), "--yes", "--only", "warehouse")
    assert refused.returncode == 5
    assert "holds no warehouse" in refused.stderr

    stack.load(1)
    first = stack.json("run", "--direct")
    before = stack.rows()
    assert len(before) == 13
    made = stack.json("backup", "create", "--reason", "before the change")
    assert [file["path"].rpartition("/")[2] for file in made["warehouse"]["files"]] == [
        "source.duckdb",
        "warehouse.duckdb",
    ]
    assert made["warehouse"]["generation"]["run_id"] == first["run_id"]
    assert stack.snapshots().startswith(b"ls: cannot access")

    stack.load(2)
    second = stack.json("run", "--direct")
    assert stack.rows() != before
    plan = stack.run("backup", "restore", str(made["id"]), "--plan", "--only", "warehouse")
    assert plan.stdout == (
        f"copy source.duckdb, warehouse.duckdb into {stack.container}, and compare them with what was backed up\n"
        "replace the source, and publish the warehouse as a new generation\n"
    )
    # A damaged file changes nothing, the metadata neither.
    path = backups.path_of(str(made["id"]), "warehouse.duckdb")
    content = stack.state.content(path)
    assert content is not None
    stack.state.put(path, content[:-1])
    damaged = stack.run("backup", "restore", str(made["id"]), "--yes")
    assert damaged.returncode == 5
    assert "warehouse.duckdb is not what was backed up" in damaged.stderr
    assert stack.rows() != before
    stack.state.put(path, content)

    with stack.holding_the_lock():
        locked = stack.run("backup", "restore", str(made["id"]), "--yes")
    assert locked.returncode == 4
    assert "→ Wait until it has ended: dataops runs --env saved" in locked.stderr
    assert stack.rows() != before

    done = stack.json("backup", "restore", str(made["id"]), "--yes")
    assert done["parts"] == ["metadata", "warehouse"]
    assert stack.rows() == before
    assert stack.snapshots().startswith(b"ls: cannot access")
    kept = json.loads(stack.run("generations", "--json").stdout)
    assert [item["run_id"] for item in kept[1:]] == [second["run_id"], first["run_id"]]
    assert kept[0]["published"]
    assert kept[0]["rows"] == made["warehouse"]["generation"]["rows"]
    # The next run builds on it, and what was there before can be had again.
    assert stack.json("run", "--direct")["published"]
    assert stack.rows() == before
    assert stack.run("generations", "publish", str(second["run_id"])).returncode == 0
