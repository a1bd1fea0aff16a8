"""Real runs on DuckDB: one that fails is told, and the next good one, once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifications.receiver import HUSH, Receiver, receiving
from run.conftest import small_platform
from support import Dataops

pytestmark = pytest.mark.slow

FAILING = ("--vars", "{strict_orders: true}")
URLS = "DATAOPS_SECRETS__NOTIFICATION_URLS"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, dataops_here: Dataops) -> Path:
    return small_platform(tmp_path_factory.mktemp("runs") / "platform", dataops_here)


@pytest.fixture(scope="module")
def server() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_a_failure_is_told_and_that_it_works_again_once(
    folder: Path, dataops_here: Dataops, server: Receiver
) -> None:
    variables = {URLS: f"ops={server.url()}"}
    everything = ""
    for arguments, code in ((FAILING, 1), ((), 0), ((), 0)):
        ended = dataops_here("run", *arguments, cwd=folder, **variables)
        assert ended.returncode == code, ended.stdout + ended.stderr
        everything += ended.stdout + ended.stderr
    assert server.titles() == ["local: the pipeline failed", "local: the pipeline works again"]
    failed, recovered = (message["message"].splitlines() for message in server.received)
    assert failed[0] == recovered[0] == "Environment: local"
    assert "What went wrong: 1 failed; what consumers read is as it was" in failed
    assert any(line.startswith("- test customers_have_some_orders: ") for line in failed)
    assert failed[-1] == "What to do: Mend the model or test, then continue from there: dataops run --retry"
    logs = "".join(
        path.read_text(errors="replace")
        for path in (folder / ".dataops").rglob("*")
        if path.suffix in (".log", ".json")
    )
    assert HUSH not in everything + logs


def test_a_plan_and_a_run_that_is_not_begun_are_not_told(
    folder: Path, dataops_here: Dataops, server: Receiver
) -> None:
    server.received.clear()
    variables = {URLS: f"ops={server.url()}"}
    assert dataops_here("run", "--plan", cwd=folder, **variables).returncode == 0
    assert dataops_here("run", "--select", "nothing", cwd=folder, **variables).returncode == 2
    assert dataops_here("run", "--retry", cwd=folder, **variables).returncode == 5
    assert server.received == []


def test_a_service_that_hangs_costs_the_deadline_and_changes_nothing(
    folder: Path, dataops: Dataops, server: Receiver
) -> None:
    began = time.monotonic()
    ended = dataops("run", *FAILING, cwd=folder, **{URLS: f"ops={server.url('hangs')}?rto=300"})
    assert ended.returncode == 1
    assert "no answer within 10 s" in ended.stderr
    assert "Not published" in ended.stdout
    assert HUSH not in ended.stdout + ended.stderr
    assert time.monotonic() - began < 120
