"""Deploys and rollbacks on a real engine: what is on it afterwards, and what consumers read meanwhile."""

from __future__ import annotations

import signal
import subprocess
import threading
from pathlib import Path

import pytest

from deploy.small_platform import Platform
from own_registry import own_registry
from support import until

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def commits(platform: Platform) -> dict[str, str]:
    """The releases A and B, deployed one after the other, by their marks."""
    names = {}
    for mark in ("A", "B"):
        names[mark] = platform.commit(mark)
        done = platform.done("deploy", "--reason", f"because of {mark}")
        assert (done["release"], done["outcome"]) == (names[mark], "succeeded")
        assert platform.published() is not None
        assert (platform.published() or ("",))[0] == platform.image() == mark
    return names


@pytest.fixture
def on_b(platform: Platform, commits: dict[str, str]) -> str:
    """The environment is on B, before the test."""
    if platform.releases()["current"] != commits["B"]:
        platform.done("rollback", commits["B"], "--no-rebuild")
    return commits["B"]


class Reader:
    """A consumer that reads all the time, in a container that no deploy touches."""

    def __init__(self, platform: Platform) -> None:
        self.name = f"{platform.name}-reader"
        self.platform = platform
        self.seen: set[tuple[str, int]] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Reader:
        image = subprocess.run(
            ["docker", "inspect", "--format", "{{.Image}}", self.platform.dbt],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        volume = f"{self.platform.name}-dbt_state:/opt/dataops/.dataops:ro"
        variables = subprocess.run(
            ["docker", "exec", self.platform.dbt, "env"], check=True, capture_output=True, text=True
        ).stdout.splitlines()
        given = [part for line in variables if line.startswith("DATAOPS_") for part in ("--env", line)]
        run = ["docker", "run", "--detach", "--init", "--name", self.name, "--volume", volume, *given]
        subprocess.run([*run, image, "sleep", "infinity"], check=True, capture_output=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        subprocess.run(["docker", "rm", "--force", self.name], check=True, capture_output=True)

    def _read(self) -> None:
        while not self._done.is_set():
            found = self.platform.published(self.name)
            assert found is not None, "a reader was turned away"
            self.seen.add(found)


def test_what_a_deploy_leaves(platform: Platform, commits: dict[str, str]) -> None:
    found = platform.releases()
    last = found["deployments"][0]
    assert (found["current"], last["previous"]) == (commits["B"], commits["A"])
    assert last["reason"] == "because of B"
    assert [step["name"] for step in last["steps"]] == [
        "images",
        "pause",
        "containers",
        "dbt sources",
        "dbt bronze",
        "dbt silver",
        "dbt gold",
        "publish",
        "documentation",
        "health",
    ]
    generations = {item["run_id"]: item["release"] for item in platform.done("generations")}
    assert generations[last["published"]] == commits["B"]
    assert {commits["A"], commits["B"]} <= platform.tags()


def test_the_same_commit_again_changes_no_container(platform: Platform, on_b: str) -> None:
    before = subprocess.run(
        ["docker", "inspect", "--format", "{{.Id}}", platform.dbt], capture_output=True, check=True
    )
    done = platform.done("deploy", "--sha", on_b)
    after = subprocess.run(
        ["docker", "inspect", "--format", "{{.Id}}", platform.dbt], capture_output=True, check=True
    )
    assert before.stdout == after.stdout
    assert {step["name"]: step["detail"] for step in done["steps"]}["containers"] == "0 changes"


def test_a_rollback_brings_back_code_and_data(platform: Platform, commits: dict[str, str], on_b: str) -> None:
    with Reader(platform) as reader:
        done = platform.done("rollback", "previous", "--no-rebuild", "--reason", "B is odd")
    assert (done["kind"], done["release"], done["previous"]) == ("rollback", commits["A"], on_b)
    assert [step["name"] for step in done["steps"]] == ["images", "pause", "publish", "containers", "health"]
    assert platform.image() == "A"
    assert {mark for mark, _rows in reader.seen} <= {"A", "B"}
    assert (platform.published() or ("",))[0] == "A"
    assert platform.releases()["current"] == commits["A"]


def test_a_rollback_builds_the_data_again(platform: Platform, commits: dict[str, str], on_b: str) -> None:
    before = {item["run_id"] for item in platform.done("generations")}
    done = platform.done("rollback", commits["A"][:7])
    assert done["built_again"] not in before
    published = next(item for item in platform.done("generations") if item["published"])
    assert (published["run_id"], published["release"]) == (done["built_again"], commits["A"])


def test_ctrl_c_while_the_data_are_built_again(
    platform: Platform, commits: dict[str, str], on_b: str
) -> None:
    process = platform.begin("rollback", commits["A"])
    until(lambda: platform.releases()["current"] == commits["A"])
    until(lambda: "dataops step freshness" in platform.processes())
    process.send_signal(signal.SIGINT)
    _output, errors = process.communicate(timeout=600)
    assert process.returncode == 130, errors
    assert f"flow is on {commits['A']}, and healthy; its data were not built again" in errors
    assert platform.image() == "A"
    refused = platform.run("rollback")
    assert (refused.returncode, f"flow is on {commits['A']} already" in refused.stderr) == (5, True)
    platform.done("run")  # nobody holds the warehouse's lock


def test_what_runs_is_the_release_in_force(platform: Platform, on_b: str) -> None:
    """Whatever is checked out meanwhile: `run` is of the release, and `up` brings up no other."""
    platform.commit("not deployed")
    platform.done("run")
    published = next(item for item in platform.done("generations") if item["published"])
    assert published["release"] == on_b
    assert (platform.published() or ("",))[0] == "B"
    assert platform.done("up")["changes"] == 0


def test_a_failing_test_is_put_back_unseen(platform: Platform, on_b: str) -> None:
    failing = platform.commit("C", fails=True)
    before = platform.published()
    with Reader(platform) as reader:
        failed = platform.run("deploy")
    assert failed.returncode == 1
    assert "failed test nobody" in failed.stderr
    assert f"flow is back on {on_b}, and healthy" in failed.stderr
    assert reader.seen == {before}
    assert (platform.image(), platform.published()) == ("B", before)
    found = platform.releases()
    assert found["current"] == on_b
    assert (found["deployments"][0]["release"], found["deployments"][0]["outcome"]) == (
        failing,
        "failed, and put back",
    )


def test_a_container_that_is_never_healthy_is_put_back(platform: Platform, on_b: str) -> None:
    platform.commit("D", ill=True)
    before = platform.published()
    failed = platform.run("deploy")
    assert failed.returncode == 1
    assert "unhealthy" in failed.stderr
    assert f"flow is back on {on_b}, and healthy" in failed.stderr
    assert (platform.image(), platform.published()) == ("B", before)
    assert platform.releases()["current"] == on_b


def test_an_unknown_release_is_refused_with_candidates(
    platform: Platform, commits: dict[str, str], on_b: str
) -> None:
    for asked in ("0123456789ab", "no such tag"):
        refused = platform.run("rollback", asked)
        assert refused.returncode == 5
        assert commits["A"] in refused.stderr
    refused = platform.run("rollback", on_b)
    assert (refused.returncode, f"flow is on {on_b} already" in refused.stderr) == (5, True)


def test_a_rollback_that_takes_a_column_from_readers_is_refused(platform: Platform, on_b: str) -> None:
    platform.commit("W", wide=True)
    platform.done("deploy")
    refused = platform.run("rollback", on_b)
    assert refused.returncode == 5
    assert "breaks who reads gold: gold.gld_product_performance: column more is removed" in refused.stderr
    assert f"{on_b} --allow-breaking" in refused.stderr
    assert platform.image() == "W"
    assert platform.done("rollback", on_b, "--allow-breaking", "--no-rebuild")["release"] == on_b
    assert (platform.image(), (platform.published() or ("",))[0]) == ("B", "B")


def test_two_at_once(platform: Platform, commits: dict[str, str], on_b: str) -> None:
    first = platform.begin("deploy", "--sha", commits["A"], "--reason", "the first")
    until(lambda: platform.done("lock", "status")["held"])
    refused = platform.run("deploy", "--sha", on_b)
    assert refused.returncode == 4
    assert "the first" in refused.stderr
    waiting = platform.begin("deploy", "--sha", on_b, "--lock-wait", "10m")
    assert first.wait(600) == 0
    assert waiting.wait(600) == 0
    for process in (first, waiting):
        process.communicate()
    releases = [item["release"] for item in platform.releases()["deployments"][:2]]
    assert releases == [on_b, commits["A"]]


def test_a_dirty_tree(platform: Platform, on_b: str) -> None:
    (platform.folder / "NOTES.md").write_text("not committed\n")
    refused = platform.run("deploy")
    platform.git("checkout", "--quiet", "--", "NOTES.md")
    assert refused.returncode == 5
    assert "not committed" in refused.stderr


def test_ctrl_c_puts_everything_back(platform: Platform, on_b: str) -> None:
    before = platform.published()
    platform.commit("E")
    process = platform.begin("deploy")
    until(lambda: platform.image_is("E"))
    process.send_signal(signal.SIGINT)
    _output, errors = process.communicate(timeout=600)
    assert process.returncode == 130, errors
    assert f"flow is back on {on_b}, and healthy" in errors
    assert (platform.image(), platform.published()) == ("B", before)
    assert platform.done("repair")["repaired"] is None


def test_images_go_through_the_registry(platform: Platform, on_b: str, tmp_path: Path) -> None:
    """A deploy pushes what it builds, and pulls what was pushed before it builds anything."""
    with own_registry(tmp_path) as address:
        variables = {"DATAOPS_STACK__REGISTRY": f"{address}/data"}
        name = platform.commit("R")
        built = platform.run("deploy", "--build-only", **variables)
        image = f"{address}/data/dataops-dbt:{name}"
        assert (built.returncode, image in built.stdout) == (0, True), built.stderr
        first = subprocess.run(
            ["docker", "inspect", "--format", "{{.Id}}", image], check=True, capture_output=True
        )
        subprocess.run(["docker", "rmi", image], check=True, capture_output=True)
        again = platform.run("deploy", "--build-only", "--verbose", **variables)
        assert again.returncode == 0, again.stderr
        assert "Step 1/" not in again.stderr  # the engine's builder did nothing
        second = subprocess.run(
            ["docker", "inspect", "--format", "{{.Id}}", image], check=True, capture_output=True
        )
        assert first.stdout == second.stdout
        subprocess.run(["docker", "rmi", image], check=True, capture_output=True)


def test_only_what_can_be_gone_back_to_is_kept(
    platform: Platform, commits: dict[str, str], on_b: str
) -> None:
    """deploy.keep_releases is 3."""
    marks = [platform.commit(f"K{number}") for number in range(3)]
    for name in marks:
        platform.done("deploy", "--sha", name)
    kept = {item["release"] for item in platform.releases()["deployments"] if item["role"]}
    assert kept == {*marks}
    refused = platform.run("rollback", commits["A"])
    assert refused.returncode == 5
    assert {*marks} <= platform.tags()
    assert not {*commits.values()} & platform.tags()
    kept_data = {item["release"] for item in platform.done("generations")}
    assert {*marks} <= kept_data
