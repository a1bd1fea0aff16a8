"""`dataops health --notify`: that health turned bad is told, and good again, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifications.receiver import Receiver
from run.conftest import small_platform
from support import Dataops

pytestmark = pytest.mark.slow


def test_health_that_turns_bad_and_good(tmp_path: Path, dataops_here: Dataops, receiver: Receiver) -> None:
    folder = small_platform(tmp_path / "platform", dataops_here)
    variables = {"DATAOPS_SECRETS__NOTIFICATION_URLS": f"ops={receiver.url()}"}

    def health(*arguments: str) -> int:
        return dataops_here("health", *arguments, cwd=folder, **variables).returncode

    assert health() == 1  # nothing has been published
    assert receiver.titles() == []
    assert [health("--notify"), health("--notify")] == [1, 1]
    assert receiver.titles() == ["local is not healthy"]
    assert dataops_here("run", cwd=folder).returncode == 0
    assert [health("--notify"), health("--notify")] == [0, 0]
    assert receiver.titles()[1:] == ["local is healthy again"]


def test_a_part_is_not_the_whole(tmp_path: Path, dataops_here: Dataops) -> None:
    folder = small_platform(tmp_path / "platform", dataops_here)
    refused = dataops_here("health", "--notify", "--layer", "data", cwd=folder)
    assert (refused.returncode, "--notify tells of the health as a whole" in refused.stderr) == (2, True)
