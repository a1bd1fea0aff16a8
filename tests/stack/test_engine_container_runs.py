"""Commands that run in the stack's dbt container: the CLI in its image builds on a DuckDB in its volume.

The files are those of staging and production, so that the container's root is read-only.
"""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataops_cli import docker_api
from embedded_stack import IMAGES, environment_file
from support import Dataops, clean_environment
from sweep import sweep

pytestmark = pytest.mark.engine

# Fails for the one date that a test of ours asks for.
FAILS = "select 1 as one where '{{ var('as_of_date') }}' = '2013-01-31'\n"
FAILING = ("--layer", "bronze", "--vars", "{as_of_date: 2013-01-31}")


class Stack:
    """A platform whose dbt container runs, with sample data in its volume."""

    def __init__(self, folder: Path, name: str, dataops: Dataops, variables: dict[str, str]) -> None:
        self.folder, self.name, self._dataops, self.variables = folder, name, dataops, variables
        self.container = f"{name}-dataops-dbt"

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        given = {"DATAOPS_ENV": "inside", **self.variables, **variables}
        return self._dataops(*arguments, cwd=self.folder, **given)

    def begin(self, *arguments: str, **streams: int) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        return subprocess.Popen(
            [sys.executable, "-m", "dataops_cli", *arguments],
            cwd=self.folder,
            env=clean_environment(DATAOPS_ENV="inside", **self.variables),
            text=True,
            **pipes,  # type: ignore[call-overload]
        )

    def newest(self) -> dict[str, object]:
        rows = json.loads(self.run("runs", "--json").stdout)
        return dict(rows[0]) if rows else {}

    @property
    def artifacts(self) -> Path:
        return self.folder / ".dataops" / "inside" / "runs"


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    new_platform: Callable[[Path], Path],
    dataops: Dataops,
    engine: docker_api.Engine,
) -> Iterator[Stack]:
    folder = new_platform(tmp_path_factory.mktemp("inside") / "my platform")
    name = f"dataops-inside-test-{os.getpid()}"
    for environment, runner in (("inside", "container"), ("flow", "airflow")):
        (folder / "environments" / f"{environment}.toml").write_text(environment_file(name, runner))
    (folder / "dbt" / "tests" / "bronze" / "fails_when_asked.sql").write_text(
        "-- depends_on: {{ ref('brnz_products') }}\n" + FAILS
    )
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for command in (["add", "."], ["commit", "--quiet", "--message=first"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    found = Stack(folder, name, dataops, IMAGES)
    not_yet = found.run("run")
    assert not_yet.returncode == 3
    hint = "error: Service dbt does not run\n  → Start it: dataops up dbt --env inside\n"
    assert not_yet.stderr == hint
    try:
        up = found.run("up", "dbt")
        assert up.returncode == 0, up.stderr
        settings = ("env", "DATAOPS_SETTINGS_FROM=variables", "DATAOPS_ENV=inside")
        source = found.run("exec", "dbt", *settings, "dataops", "source", "generate", "--scale", "0.02")
        assert source.returncode == 0, source.stderr
        yield found
        down = found.run("down", "--volumes", "--yes")
        assert down.returncode == 0, down.stderr
    finally:
        sweep(engine, name)


def begun(process: subprocess.Popen[str]) -> str:
    """The line by which a run names itself, once it has been written."""
    return next(line for line in process.stderr or () if " on inside" in line)


def commit(folder: Path) -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_a_run_with_its_record_its_artifacts_and_the_way_back(
    stack: Stack, engine: docker_api.Engine
) -> None:
    done = stack.run("--project-dir", str(stack.folder), "run", "--direct", "--json", "--threads", "2")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["published"]
    assert document["environment"] == "inside"
    assert document["release"] == commit(stack.folder)
    assert len(document["models"]) == 9
    assert "warning: The dbt container" not in done.stderr
    run_id = document["run_id"]

    folder = stack.artifacts / run_id
    record = json.loads((folder / "run.json").read_text())
    assert (record["status"], record["environment"]) == ("succeeded", "inside")
    assert record["command"] == "dataops --env inside run --direct --json --threads 2"
    assert {"manifest.json", "catalog.json", "results.json", "dbt.log"} <= {p.name for p in folder.iterdir()}
    assert {path.name for path in stack.artifacts.iterdir()} == {run_id}
    assert stack.run("docs", "build").returncode == 0
    assert stack.newest()["run_id"] == run_id
    assert run_id in stack.run("runs", "show").stdout

    planned = stack.run("run", "--plan", "--json")
    assert json.loads(planned.stdout)["plan"]
    second = stack.run("run", "--layer", "gold")
    assert second.returncode == 0, second.stderr
    assert "Published" in second.stdout
    assert f"Run {stack.newest()['run_id']} on inside" in second.stderr
    assert len([*stack.artifacts.iterdir()]) == 2
    back = stack.run("generations", "publish", run_id)
    assert (back.returncode, f"Published {run_id}" in back.stdout) == (0, True)
    kept = json.loads(stack.run("generations", "list", "--json").stdout)
    assert [item["run_id"] for item in kept if item["published"]] == [run_id]

    # The runs outlive the container, whose secret is a file and no variable.
    secrets = (stack.folder / "environments" / "inside.secrets.env").read_text()
    password = secrets.partition("DATAOPS_WAREHOUSE__PASSWORD='")[2].partition("'")[0]
    assert len(password) == 32
    assert password not in json.dumps(engine.inspect(stack.container))
    explained = stack.run(
        "exec", "dbt", "env", "DATAOPS_SETTINGS_FROM=variables", "dataops", "config", "show"
    )
    assert "file /run/secrets/warehouse_password" in explained.stdout
    assert stack.run("up", "dbt", "--force-recreate").returncode == 0
    assert [row["run_id"] for row in json.loads(stack.run("runs", "--json").stdout)][-1] == run_id


def test_exit_codes_and_what_is_set_here(stack: Stack) -> None:
    failed = stack.run("run", *FAILING)
    assert failed.returncode == 1
    assert "fails_when_asked" in failed.stdout
    failed_run = stack.newest()
    assert failed_run["status"] == "failed"
    compiled = stack.artifacts / str(failed_run["run_id"]) / "compiled" / "fails_when_asked.sql"
    assert "2013-01-31" in compiled.read_text()

    stale = stack.run("run", DATAOPS_FRESHNESS__WARN_AFTER_DAYS="1", DATAOPS_FRESHNESS__ERROR_AFTER_DAYS="1")
    assert (stale.returncode, "is too old" in stale.stderr) == (1, True)
    assert json.loads(stack.run("runs", "show", "nosuch", "--json").stdout)["error"]["exit_code"] == 2
    # Until runs go through Airflow, its environments run in the container, too.
    flow = stack.run("--env", "flow", "runs")
    assert (flow.returncode, flow.stdout) == (0, "No runs yet. Start one with: dataops run --env flow\n")


def test_any_dbt_command_and_what_it_wrote(stack: Stack) -> None:
    listed = stack.run("dbt", "ls", "--quiet", "--resource-type", "model", "--output", "name")
    assert (listed.returncode, len(listed.stdout.splitlines())) == (0, 9)
    target = stack.folder / ".dataops" / "inside" / "scratch" / "target"
    assert stack.run("dbt", "compile", "--select", "gld_sales_summary").returncode == 0
    assert (target / "compiled/dataops/models/gold/gld_sales_summary.sql").exists()
    # Its options are dbt's, also those that have a name of ours.
    wrong = stack.run("dbt", "ls", "--project-dir", "/nowhere")
    assert (wrong.returncode, "Path '/nowhere' does not exist" in wrong.stderr) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_run_in_the_container(stack: Stack, number: signal.Signals) -> None:
    process = stack.begin("run")
    first = begun(process)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert stderr.splitlines()[-2].startswith("error: Interrupted")
    newest = stack.newest()
    assert newest["status"] == "interrupted"
    assert f"Run {newest['run_id']} on inside" in first
    assert (stack.artifacts / str(newest["run_id"]) / "run.json").exists()


def signal_run(stack: Stack, engine: docker_api.Engine, name: str) -> None:
    """A signal to all that runs in the container for a command here."""
    find = 'for p in $(grep -lsz "^DATAOPS_CALL=" /proc/[0-9]*/environ); do'
    # One may end with another.
    kill = f"{find} kill -{name} $(echo $p | cut -d/ -f3) && echo sent || true; done"
    assert b"sent" in engine.exec(stack.container, ["sh", "-c", kill])[1]


def test_a_run_whose_client_is_killed_goes_on(stack: Stack, engine: docker_api.Engine) -> None:
    process = stack.begin("run", "--layer", "bronze")
    first = begun(process)
    signal_run(stack, engine, "STOP")  # it is looked at for as long as that takes
    try:
        process.kill()
        process.communicate()
        newest = stack.newest()
        refused = stack.run("run")
    finally:
        signal_run(stack, engine, "CONT")
    assert newest["status"] == "running"
    run_id = str(newest["run_id"])
    assert run_id in first
    assert (
        refused.returncode,
        "is in use by `dataops --env inside run --layer bronze`" in refused.stderr,
    ) == (4, True)
    deadline = time.monotonic() + 300
    while stack.newest()["status"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    newest = stack.newest()
    assert (newest["run_id"], newest["status"]) == (run_id, "succeeded")
    # Whatever was brought of it while it ran is brought anew by the next one.
    assert stack.run("run", "--select", "no_such_model").returncode == 2
    assert json.loads((stack.artifacts / run_id / "run.json").read_text())["status"] == "succeeded"


def test_what_is_killed_in_the_container_is_said(stack: Stack, engine: docker_api.Engine) -> None:
    process = stack.begin("run")
    begun(process)
    signal_run(stack, engine, "KILL")
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"error: The command in {stack.container} was killed: signal 9" in stderr
    assert stack.newest()["status"] == "killed"


def test_in_a_terminal_it_is_live_and_ctrl_c_is_the_run_s(stack: Stack) -> None:
    ours, its = pty.openpty()
    process = stack.begin("run", stdin=its, stdout=its, stderr=its)
    os.close(its)
    seen = b""
    try:
        while piece := os.read(ours, 4096):
            before, seen = seen, seen + piece
            if b" on inside" in seen and b" on inside" not in before:
                os.write(ours, b"\x03")
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait(timeout=120) == 130
    assert b"Interrupted" in seen
    assert b"\x1b[" in seen  # styles, and what goes on with its elapsed time


def test_an_image_without_the_cli(stack: Stack, engine: docker_api.Engine) -> None:
    """Such as `docker compose build` makes it: it works, and has no CLI in it."""
    tag = "dataops-dbt:inside"
    arguments = ("--build-arg", "BASE_IMAGE=dataops-test/python:3.11", "--build-arg", "PIP_INDEX_URL=")
    file = str(stack.folder / "dbt" / "Dockerfile")
    made = docker("build", "--quiet", *arguments, "--file", file, str(stack.folder), DOCKER_BUILDKIT="0")
    before = str((engine.image(tag) or {})["Id"])
    try:
        docker("tag", made, tag)
        assert stack.run("up", "dbt", "--no-wait").returncode == 0
        code, output = engine.exec(stack.container, ["sh", "-c", "dbt --version && ! command -v dataops"])
        assert code == 0, output
        refused = stack.run("run")
        assert refused.returncode == 3
        assert "was built without the CLI" in refused.stderr
        assert "→ Build it with: dataops build dbt --env inside; then: dataops up dbt" in refused.stderr
        assert stack.run("build", "dbt").returncode == 0
        assert stack.run("up", "dbt").returncode == 0
        assert stack.run("runs").returncode == 0
    finally:
        docker("tag", before, tag)


def docker(*arguments: str, **variables: str) -> str:
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=False, env={**os.environ, **variables}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
