"""`dataops notify test`, and how the secret with the URLs gets in."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from notifications.receiver import HUSH, Receiver
from support import Dataops, clean_environment

URLS = "DATAOPS_SECRETS__NOTIFICATION_URLS"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, new_platform: Callable[[Path], Path]) -> Path:
    return new_platform(tmp_path_factory.mktemp("notify") / "platform")


def set_urls(platform: Path, text: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dataops_cli", "secrets", "set", "secrets.notification_urls"]
    return subprocess.run(
        command, cwd=platform, env=clean_environment(), input=text, capture_output=True, text=True
    )


def test_the_urls_may_be_a_line_each(platform: Path, dataops_here: Dataops) -> None:
    done = set_urls(platform, "ops=json://hush/a\n\n  team,ops=slack://hush/b/c\n")
    assert done.returncode == 0, done.stderr
    plan = dataops_here("notify", "test", "--plan", cwd=platform)
    assert (plan.returncode, plan.stdout) == (0, "send to json (ops)\nsend to slack (team, ops)\n")
    refused = set_urls(platform, "ops=json://hush/a ops: hush")
    assert refused.returncode == 2
    assert "Part 2 of secrets.notification_urls is no TAG=URL" in refused.stderr
    assert "hush" not in refused.stderr
    assert dataops_here("notify", "test", "--plan", cwd=platform).stdout == plan.stdout
    for command in (
        ["config", "show"],
        ["secrets", "list"],
        ["config", "explain", "secrets.notification_urls"],
    ):
        shown = dataops_here(*command, cwd=platform)
        assert shown.returncode == 0
        assert "hush" not in shown.stdout + shown.stderr
    (platform / "environments" / "local.secrets.env").unlink()


@pytest.mark.parametrize("action", ["generate", "rotate"])
def test_the_urls_cannot_be_made_up(platform: Path, dataops_here: Dataops, action: str) -> None:
    done = dataops_here("secrets", action, "secrets.notification_urls", cwd=platform)
    assert done.returncode == 5
    assert "dataops secrets set secrets.notification_urls" in done.stderr


def test_which_were_accepted(platform: Path, dataops_here: Dataops, receiver: Receiver) -> None:
    urls = f"ops={receiver.url()} team={receiver.url('refused')}"
    ended = dataops_here("notify", "test", "--json", cwd=platform, **{URLS: urls})
    assert ended.returncode == 1
    assert json.loads(ended.stdout) == [
        {"service": "json", "tags": ["ops"], "accepted": True, "fault": None},
        {"service": "json", "tags": ["team"], "accepted": False, "fault": "it answered with error 500"},
    ]
    assert HUSH not in ended.stdout + ended.stderr
    assert receiver.titles() == ["local: a test of notifications"] * 2
    one = dataops_here("notify", "test", "--tag", "ops", cwd=platform, **{URLS: urls})
    assert (one.returncode, one.stdout.split()[-3:]) == (0, ["json", "ops", "accepted"])


def test_an_event_as_it_looks(platform: Path, dataops_here: Dataops, receiver: Receiver) -> None:
    variables = {
        URLS: f"ops={receiver.url('ops')} team={receiver.url('team')}",
        "DATAOPS_NOTIFICATIONS__HEALTH_BAD": "team",
    }
    ended = dataops_here("notify", "test", "--event", "health_bad", cwd=platform, **variables)
    assert ended.returncode == 0, ended.stderr
    [arrived] = receiver.received
    assert (arrived["title"], arrived["path"]) == ("[example] local is not healthy", "team")


def test_what_cannot_be_tested_says_why(platform: Path, dataops_here: Dataops, receiver: Receiver) -> None:
    without = dataops_here("notify", "test", cwd=platform)
    assert without.returncode == 2
    assert "dataops secrets set secrets.notification_urls" in without.stderr
    variables = {
        URLS: f"ops={receiver.url()} team={receiver.url()}",
        "DATAOPS_NOTIFICATIONS__HEALTH_BAD": "ops",
    }
    for arguments, said in (
        (["--tag", "opps"], "did you mean ops?"),
        (["--event", "deploy_faild"], "Did you mean deploy_failed?"),
        (["--event", "deploy_started"], 'deploy_started = ["all"]'),
        (["--event", "health_bad", "--tag", "team"], "health_bad does not go to team in local"),
    ):
        ended = dataops_here("notify", "test", *arguments, cwd=platform, **variables)
        assert ended.returncode == 2
        assert said in ended.stderr
    assert receiver.received == []


def test_a_tag_without_a_url_is_found_by_validate(
    platform: Path, dataops_here: Dataops, receiver: Receiver
) -> None:
    right = {URLS: f"ops={receiver.url()}", "DATAOPS_NOTIFICATIONS__DEPLOY_FAILED": "ops"}
    assert dataops_here("config", "validate", cwd=platform, **right).returncode == 0
    wrong = right | {"DATAOPS_NOTIFICATIONS__DEPLOY_FAILED": "opps"}
    ended = dataops_here("config", "validate", cwd=platform, **wrong)
    assert ended.returncode == 2
    assert "notifications.deploy_failed: no URL has the tag opps (did you mean ops?)" in " ".join(
        ended.stderr.split()
    )
    explained = dataops_here(
        "config", "explain", "notifications.deploy_failed", "--json", cwd=platform, **wrong
    )
    assert json.loads(explained.stdout)["value"] == ["opps"]


def test_what_airflow_sends(platform: Path, dataops_here: Dataops, receiver: Receiver) -> None:
    """As in a container: the settings are variables, and the secret is a file."""
    secrets = platform / "run-secrets"
    secrets.mkdir()
    (secrets / "notification_urls").write_text(f"ops={receiver.url()}")
    variables = {
        "DATAOPS_ENV": "far",
        "DATAOPS_SETTINGS_FROM": "variables",
        "DATAOPS_SECRETS_DIR": str(secrets),
        "DATAOPS_RELEASE": "3f2a9c1b7d04",
        "DATAOPS_NOTIFICATIONS__AIRFLOW_URL": "http://127.0.0.1:18080",
    }
    told = ["--dag=dataops_pipeline", "--run=manual__2026-01-02T03:04:05+00:00", "--reason=task_failure"]
    ended = dataops_here("notify", "event", "pipeline_failed", *told, cwd=platform, **variables)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    [arrived] = receiver.received
    assert arrived["title"] == "far: the pipeline failed"
    assert arrived["message"].splitlines() == [
        "Environment: far",
        "Release: 3f2a9c1b7d04",
        "Run: manual__2026-01-02T03:04:05+00:00",
        "What went wrong: task_failure",
        "Airflow: http://127.0.0.1:18080/dags/dataops_pipeline/runs/manual__2026-01-02T03%3A04%3A05%2B00%3A00",
        "What to do: See which task failed: "
        "dataops airflow show --env far manual__2026-01-02T03:04:05+00:00 --dag dataops_pipeline · "
        "When it is mended: "
        "dataops airflow clear --env far manual__2026-01-02T03:04:05+00:00 --dag dataops_pipeline",
    ]
    other = dataops_here("notify", "event", "deploy_failed", *told, cwd=platform, **variables)
    assert other.returncode == 2
    (secrets / "notification_urls").write_text(f"ops={receiver.url('refused')}")
    failed = dataops_here("notify", "event", "pipeline_late", *told, cwd=platform, **variables)
    assert failed.returncode == 1
    assert "it answered with error 500" in " ".join(failed.stderr.split())
    assert HUSH not in failed.stdout + failed.stderr
    (secrets / "notification_urls").write_text("")
    assert (
        dataops_here("notify", "event", "pipeline_failed", *told, cwd=platform, **variables).returncode == 0
    )
