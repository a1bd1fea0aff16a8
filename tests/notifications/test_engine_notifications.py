"""What is told of deployments on a real engine, and that nobody who does not answer holds one up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from dataops_cli.notifications.told import told_of
from dataops_cli.project import Project
from dataops_cli.settings.load import load_environment
from deploy.small_platform import Platform
from local_engine import local_engine
from notifications.receiver import HUSH, Receiver, receiving
from support import until

pytestmark = pytest.mark.engine

SETTINGS = '\n[notifications]\ndeploy_started = ["all"]\n'


@pytest.fixture(scope="module")
def server() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path], server: Receiver
) -> Iterator[Platform]:
    """A platform on its first release, which was told."""
    local_engine()
    folder = new_platform(tmp_path_factory.mktemp("told") / "platform")
    found = Platform(folder, f"dataops-told-{server.port}")
    found.write()
    file = folder / "compose" / "small.yml"
    stack = yaml.safe_load(file.read_text())
    stack["services"]["dbt"]["secrets"] = ["notification_urls"]
    stack["secrets"] = {"notification_urls": {"environment": "NOTIFICATION_URLS"}}
    file.write_text(yaml.safe_dump(stack))
    with (folder / "environments" / "flow.toml").open("a") as file:
        file.write(SETTINGS)
    (folder / "environments" / "flow.secrets.env").write_text(
        f"DATAOPS_SECRETS__NOTIFICATION_URLS='ops={server.url()} ops={server.url('refused')}'\n"
    )
    found.commit("A")
    try:
        up = found.run("up")
        assert up.returncode == 0, up.stdout + up.stderr
        until(lambda: found.run("exec", "dbt", "--", "dataops", "source", "generate").returncode == 0)
        yield found
    finally:
        found.down()


@pytest.fixture
def told(server: Receiver) -> Callable[[], list[tuple[str, str]]]:
    """What has arrived since the test began: titles and texts."""
    server.received.clear()
    return lambda: [(item["title"], item["message"]) for item in server.received if item["path"] == "ok"]


Told = Callable[[], list[tuple[str, str]]]


def test_a_deploy_that_succeeds(platform: Platform, told: Told) -> None:
    sha = platform.commit("B")
    ended = platform.run("deploy", "--reason", "B is better")
    assert ended.returncode == 0, ended.stderr
    (started, _), (succeeded, text) = told()
    assert started == f"flow: the deploy of {sha} has started"
    assert succeeded == f"flow: the deploy of {sha} succeeded"
    assert "Why: B is better" in text
    # One of the two addresses refuses: that is said, and fails nothing.
    assert "did not arrive at json (ops): it answered with error 500" in " ".join(ended.stderr.split())
    assert HUSH not in ended.stdout + ended.stderr


def test_a_deploy_that_fails_and_is_put_back(platform: Platform, told: Told) -> None:
    before = platform.releases()["current"]
    sha = platform.commit("C", fails=True)
    ended = platform.run("deploy")
    assert ended.returncode == 1
    (_, _), (failed, text) = told()
    assert failed == f"flow: the deploy of {sha} failed"
    assert f"flow is back on {before}, and healthy" in text
    assert "nobody" in ended.stderr
    assert HUSH not in ended.stdout + ended.stderr


def test_a_rollback(platform: Platform, told: Told) -> None:
    before = platform.releases()["current"]
    sha = platform.commit("D")
    platform.done("deploy")
    ended = platform.run("rollback", before, "--no-rebuild")
    assert ended.returncode == 0, ended.stderr
    titles = [title for title, _text in told()]
    assert titles == [
        f"flow: the deploy of {sha} has started",
        f"flow: the deploy of {sha} succeeded",
        f"flow: the rollback to {before} has started",
        f"flow is back on {before}",
    ]


def test_a_deploy_that_was_killed_is_told_when_it_is_put_right(platform: Platform, told: Told) -> None:
    before = platform.releases()["current"] or "no release"
    sha = platform.commit("E")
    process = platform.begin("deploy")
    try:
        until(told)
    finally:
        process.kill()
        process.communicate()
    assert len(told()) == 1
    ended = platform.run("repair")
    assert ended.returncode == 0, ended.stderr
    assert f"Put right: flow is on {before}" in ended.stdout
    titles = [title for title, _text in told()]
    assert titles[-1] == f"flow is back on {before}"
    assert f"The deploy of {sha} was cut off" in " ".join(text for _title, text in told())


def test_a_failed_run_in_the_container_is_told_from_there(platform: Platform) -> None:
    """Its CLI has the address, the tags and Apprise."""
    ran = platform.run("exec", "dbt", "--", "dataops", "notify", "test", "--plan")
    assert ran.stdout.split() == ["send", "to", "json", "(ops)", "send", "to", "json", "(ops)"], ran.stderr
    tried = platform.run("exec", "dbt", "--", "dataops", "notify", "test")
    assert tried.returncode == 1  # 127.0.0.1 is the container's own
    assert "it cannot be reached" in tried.stdout
    assert HUSH not in tried.stdout + tried.stderr


def test_what_was_told_is_kept_with_the_stack_for_all_operators(platform: Platform, tmp_path: Path) -> None:
    environment = load_environment(Project(platform.folder), "flow")
    first, second = (Project(tmp_path / name) for name in ("one", "another"))
    assert told_of(first, environment).last("health") is None
    for verdict in ("bad", "good", "bad"):
        told_of(first, environment).note("health", verdict)
        assert told_of(second, environment).last("health") == verdict


def test_nobody_who_hangs_holds_a_deploy_up(platform: Platform, server: Receiver, told: Told) -> None:
    secrets = platform.folder / "environments" / "flow.secrets.env"
    secrets.write_text(f"DATAOPS_SECRETS__NOTIFICATION_URLS='ops={server.url('hangs')}?rto=300'\n")
    platform.commit("F")
    refused = platform.run("deploy")
    assert refused.returncode == 5  # the containers have other URLs
    assert "deploy_failed" not in refused.stderr  # what was not begun has not failed
    up = platform.run("up")
    assert up.returncode == 0, up.stderr
    ended = platform.run("deploy")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("no answer within 10 s") == 2
    assert told() == []
