"""A deploy whose terminal goes away, as with a connection that drops, is put back."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios

import pytest

from deploy.small_platform import VARIABLES, Platform
from support import clean_environment

pytestmark = pytest.mark.engine


def on_a_terminal_of_its_own() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize("options", [(), ("--quiet",)])
def test_a_deploy_whose_terminal_is_gone_is_put_back(platform: Platform, options: tuple[str, ...]) -> None:
    if platform.releases()["current"] is None:
        platform.commit("A")
        platform.done("deploy")
    before = platform.releases()
    platform.commit("B", other=str(options))
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dataops_cli", "deploy", *options],
        cwd=platform.folder,
        env=clean_environment(
            DATAOPS_ENV="flow", DBT_IMAGE=platform.repository, TERM="xterm-256color", **VARIABLES
        ),
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        preexec_fn=on_a_terminal_of_its_own,
    )
    os.close(follower)
    if options:
        while not _has_begun(platform, len(before["deployments"])):
            assert process.poll() is None
    else:
        shown = b""
        while b"Restart the containers that differ" not in shown:
            shown += os.read(leader, 4096)
    os.close(leader)
    assert process.wait(900) == 130
    after = platform.releases()
    assert (after["current"], after["deployments"][0]["outcome"]) == (
        before["current"],
        "failed, and put back",
    )
    assert (platform.image(), (platform.published() or ("",))[0]) == ("A", "A")
    assert platform.done("audit")[0]["exit_code"] == 130


def _has_begun(platform: Platform, number: int) -> bool:
    """Whether one more deployment has come to the end of a step, and has something to be put back."""
    newest, *rest = platform.releases()["deployments"]
    return len(rest) == number and any(step["name"] == "pause" for step in newest["steps"])
