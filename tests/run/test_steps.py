"""A run in six steps, each a process of its own, as Airflow's tasks do it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from run.conftest import small_platform
from support import Dataops, clean_environment

pytestmark = pytest.mark.slow

STEPS = ("freshness", "bronze", "silver", "gold", "publish", "documentation")


class Steps:
    """The steps of one run, each of which takes what the one before wrote."""

    def __init__(self, platform: Path, dataops: Dataops) -> None:
        self.platform, self.dataops = platform, dataops
        self.before: dict[str, Path] = {}

    def __call__(self, step: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        out = self.platform / f"{step}.json"
        given: list[object] = ["step", step, "--out", out, "--asked-by", "a test", *arguments]
        if step != "freshness":
            given += ["--so-far", self.platform / f"{STEPS[STEPS.index(step) - 1]}.json"]
        return self.dataops(*given, cwd=self.platform)

    def done(self, *steps: str) -> dict[str, Any]:
        """What the last of the steps wrote; all of them must succeed."""
        for step in steps:
            ended = self(step)
            assert ended.returncode == 0, ended.stderr
        return self.written(steps[-1])

    def written(self, step: str) -> dict[str, Any]:
        return dict(json.loads((self.platform / f"{step}.json").read_text(encoding="utf-8")))

    @property
    def reserved(self) -> str | None:
        holder = json.loads((self.platform / ".dataops" / "local" / "lock.json").read_text(encoding="utf-8"))
        return str(holder["reserved"]["whose"]) if holder["reserved"] else None

    @property
    def published(self) -> str:
        return (self.platform / ".dataops" / "local" / "warehouse.duckdb").readlink().parent.name

    def days(self) -> list[tuple[Any, ...]]:
        path = self.platform / ".dataops" / "local" / "warehouse.duckdb"
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute("select * from gold.days order by 1").fetchall()


@pytest.fixture(scope="module")
def steps(
    tmp_path_factory: pytest.TempPathFactory, dataops_here: Dataops, new_platform: Callable[[Path], Path]
) -> Steps:
    folder = small_platform(tmp_path_factory.mktemp("steps") / "platform", dataops_here)
    assert dataops_here("run", cwd=folder).returncode == 0
    return Steps(folder, dataops_here)


def test_six_steps_publish_what_a_run_does(steps: Steps) -> None:
    before, days = steps.published, steps.days()
    run_id = steps.done("freshness")["run"]["run_id"]
    assert steps.reserved == "a test"
    for step in ("bronze", "silver", "gold"):
        result = steps.done(step)["result"]
        assert {model["layer"] for model in result["models"]} == {step}
        assert result["tests"]["run"] == result["tests"]["passed"] > 0
        assert steps.published == before
        assert steps.reserved == "a test"
    assert steps.done("publish")["result"]["published"]
    assert steps.published == run_id
    assert steps.days() == days
    assert steps.reserved is None
    record = steps.platform / ".dataops" / "local" / "runs" / run_id
    assert not (record / "catalog.json").exists()
    steps.done("documentation")
    nodes = json.loads((record / "catalog.json").read_text(encoding="utf-8"))["nodes"]
    assert {name.rsplit(".", 1)[1] for name in nodes} == {
        "orders",
        "people",
        "customers",
        "days",
        "best_customers",
    }
    facts = json.loads((record / "run.json").read_text(encoding="utf-8"))
    assert (facts["status"], facts["command"]) == ("succeeded", "a test")


def test_steps_in_one_process_say_when_each_is_done(steps: Steps) -> None:
    out = steps.platform / "all.json"
    given = ("--out", out, "--asked-by", "a test")
    built = steps.dataops("step", "freshness", "bronze", "silver", "gold", *given, cwd=steps.platform)
    assert built.returncode == 0, built.stderr
    told = [line for line in built.stderr.splitlines() if line.startswith("Step ")]
    assert told == [
        "Step freshness is done: ",
        "Step bronze is done: 2 models, 3 of 3 tests passed",
        "Step silver is done: 1 models, 1 of 1 tests passed",
        "Step gold is done: 2 models, 2 of 2 tests passed",
    ]
    last = ("step", "publish", "documentation", *given, "--so-far", out)
    assert steps.dataops(*last, cwd=steps.platform).returncode == 0
    assert steps.published == json.loads(out.read_text(encoding="utf-8"))["run"]["run_id"]


def test_a_step_that_fails_is_the_last(steps: Steps) -> None:
    test = steps.platform / "dbt" / "tests" / "no_people.sql"
    test.parent.mkdir(exist_ok=True)
    test.write_text("select * from {{ ref('people') }}")
    before = steps.published
    given = ("--out", steps.platform / "all.json", "--asked-by", "a test", "--last-try")
    ended = steps.dataops("step", "freshness", "bronze", "silver", *given, cwd=steps.platform)
    test.unlink()
    assert ended.returncode == 1
    assert "failed test no_people" in ended.stderr
    assert "Step bronze" not in ended.stderr
    assert (steps.published, steps.reserved) == (before, None)


def test_the_documentation_step_writes_nothing_to_what_is_published(steps: Steps) -> None:
    steps.done("freshness", "bronze", "silver", "gold", "publish")
    file = (steps.platform / ".dataops" / "local" / "warehouse.duckdb").resolve()
    before = file.read_bytes()
    steps.done("documentation")
    assert file.read_bytes() == before


def test_between_two_steps_no_other_run_begins(steps: Steps) -> None:
    steps.done("freshness", "bronze")
    refused = steps.dataops("run", cwd=steps.platform)
    assert refused.returncode == 4
    assert "in use by a test, which is between two of its steps" in refused.stderr
    shown = steps.dataops("runs", "--json", cwd=steps.platform)
    assert json.loads(shown.stdout)[0]["status"] == "running"
    steps.done("silver", "gold", "publish")
    assert steps.dataops("run", cwd=steps.platform).returncode == 0


def test_a_run_that_will_not_go_on_is_waited_for_no_longer(steps: Steps) -> None:
    steps.done("freshness", "bronze")
    assert steps.reserved == "a test"
    abandoned = steps.dataops(
        "step", "abandon", "--out", "/dev/null", "--asked-by", "a test", cwd=steps.platform
    )
    assert (abandoned.returncode, steps.reserved) == (0, None)
    assert steps.dataops("run", cwd=steps.platform).returncode == 0


def test_a_deploy_may_leave_out_the_tests_of_a_run(steps: Steps) -> None:
    assert steps("freshness", "--without-tests").returncode == 0
    assert steps.done("bronze", "silver", "gold")["result"]["tests"]["run"] == 0
    assert steps.done("publish")["result"]["published"] is True


def test_the_first_step_may_be_tried_again(steps: Steps) -> None:
    first = steps.done("freshness")["run"]["run_id"]
    second = steps.done("freshness")["run"]["run_id"]
    assert first != second
    assert steps.done("bronze")["run"]["run_id"] == second
    assert steps.dataops("run", cwd=steps.platform).returncode == 4
    steps.done("silver", "gold", "publish")


def test_documentation_leaves_a_later_run_alone(steps: Steps) -> None:
    steps.done("freshness", "bronze", "silver", "gold", "publish")
    failed = steps.dataops("run", "--vars", "{strict_orders: true}", cwd=steps.platform)
    assert failed.returncode == 1
    candidate = steps.platform / ".dataops" / "local" / "candidate" / "candidate.json"
    aside = candidate.read_text()
    assert steps("documentation").returncode == 0
    assert candidate.read_text() == aside
    assert steps.dataops("run", cwd=steps.platform).returncode == 0
    late = steps("documentation")
    assert late.returncode == 0
    assert "Another run has been published since" in late.stderr


def test_a_step_back_is_not_undone(steps: Steps) -> None:
    before = steps.published
    assert steps.dataops("run", cwd=steps.platform).returncode == 0
    steps.done("freshness", "bronze", "silver")
    holder = steps.platform / ".dataops" / "local" / "lock.json"
    document = json.loads(holder.read_text())
    holder.write_text(json.dumps({**document, "reserved": None}))
    assert steps.dataops("generations", "publish", before, cwd=steps.platform).returncode == 0
    refused = steps("gold")
    assert refused.returncode == 5
    assert "something else has been published since" in refused.stderr
    assert steps.dataops("run", cwd=steps.platform).returncode == 0


def test_what_is_published_counts_as_succeeded(steps: Steps) -> None:
    run_id = steps.done("freshness", "bronze", "silver", "gold", "publish")["run"]["run_id"]
    project = steps.platform / "dbt" / "dbt_project.yml"
    text = project.read_text()
    project.write_text("no: project")
    try:
        assert steps("documentation").returncode != 0
    finally:
        project.write_text(text)
    record = steps.platform / ".dataops" / "local" / "runs" / run_id / "run.json"
    assert json.loads(record.read_text())["status"] == "succeeded"


def test_a_step_ends_with_who_started_it(steps: Steps) -> None:
    steps.done("freshness", "bronze")
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'dataops_cli', *sys.argv[1:]], start_new_session=True)\n"
        "print(child.pid, flush=True)\ntime.sleep(60)"
    )
    out, so_far = steps.platform / "silver.json", steps.platform / "bronze.json"
    arguments = ["step", "silver", "--out", str(out), "--so-far", str(so_far), "--asked-by", "a test"]
    parent = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=steps.platform,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    child = Path(f"/proc/{parent.stdout.readline().strip()}")
    lock = steps.platform / ".dataops" / "local" / "lock.json"
    deadline = time.monotonic() + 120
    while json.loads(lock.read_text())["pid"] != int(child.name):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    while runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    steps.done("silver", "gold", "publish")


def runs(process: Path) -> bool:
    """Whether a process, by its folder in /proc, has not ended; nobody may be there to bury it."""
    try:
        return "Z" not in (process / "stat").read_text().split()[2]
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_reservation_ends(steps: Steps) -> None:
    assert steps("freshness", "--reserve", "1s").returncode == 0
    waited = steps.dataops("run", "--lock-wait", "1m", cwd=steps.platform)
    assert waited.returncode == 0, waited.stderr
    late = steps("bronze")
    assert late.returncode == 5
    assert "another run has taken its place" in late.stderr


def test_a_failed_test_ends_the_run_and_is_mended(steps: Steps) -> None:
    before = steps.published
    test = steps.platform / "dbt" / "tests" / "no_customer_is_good.sql"
    test.parent.mkdir(exist_ok=True)
    test.write_text("select customer_id, total_due from {{ ref('customers') }} where customer_id > 0")
    steps.done("freshness", "bronze")
    failed = steps("silver")
    assert failed.returncode == 1
    assert "no_customer_is_good" in failed.stderr
    assert "customer_id" in failed.stderr
    assert steps.written("silver")["result"]["failures"][0]["name"] == "no_customer_is_good"
    assert steps.published == before
    assert steps.reserved is None
    assert steps("gold").returncode == 5  # what fails is never built upon
    test.write_text("select customer_id from {{ ref('customers') }} where customer_id < 0")
    run_id = steps.done("silver", "gold", "publish")["run"]["run_id"]
    assert steps.published == run_id
    test.unlink()


def test_publishing_twice_is_publishing_once(steps: Steps) -> None:
    run_id = steps.done("freshness", "bronze", "silver", "gold", "publish")["run"]["run_id"]
    again = steps("publish")
    assert again.returncode == 0
    assert f"{run_id} has been published already" in again.stderr
    assert steps.published == run_id


def test_what_an_earlier_step_built_must_not_have_changed(steps: Steps) -> None:
    model = steps.platform / "dbt" / "models" / "bronze" / "orders.sql"
    text = model.read_text()
    steps.done("freshness", "bronze")
    model.write_text(text + "\nwhere SalesOrderID > 0")
    try:
        refused = steps("silver")
        assert refused.returncode == 5
        assert "orders has changed since it was built" in refused.stderr
        steps.done("bronze", "silver")  # as after `clear` from bronze on
    finally:
        model.write_text(text)
    assert steps("gold").returncode == 5


def test_a_selection_goes_from_step_to_step(steps: Steps) -> None:
    before = steps.days()
    assert steps("freshness", "--select", "customers").returncode == 0
    steps.done("bronze")
    silver = steps.done("silver")["result"]
    assert [model["model"] for model in silver["models"]] == ["customers"]
    steps.done("gold", "publish")
    assert steps.days() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("step", "platinum", "--out", "x"), "There is no step platinum"),
        (("step", "silver", "--out", "x"), "--so-far"),
        (("step", "silver", "--out", "x", "--so-far", "/dev/null"), "no result of a step"),
    ],
)
def test_wrong_use(steps: Steps, arguments: tuple[str, ...], said: str) -> None:
    refused = steps.dataops(*arguments, cwd=steps.platform)
    assert refused.returncode == 2
    assert said in refused.stderr
