"""Two changes of one stack at the same time, on a real engine."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_stack import SmallStack, docker, unique, until

from dataops_cli import docker_api
from dataops_cli.errors import DataopsError
from dataops_cli.stack.lock import IMAGE, changing, lock_name
from support import Dataops

pytestmark = pytest.mark.engine


@pytest.fixture
def small(
    tmp_path: Path, new_platform: Callable[[Path], Path], dataops: Dataops, engine: docker_api.Engine
) -> Iterator[SmallStack]:
    stack = SmallStack(dataops, engine, new_platform(tmp_path / "platform"), unique("lock"))
    yield stack
    stack.sweep()


def test_of_two_ups_at_once_one_is_refused_and_the_other_finishes(small: SmallStack) -> None:
    both = [small.begin("up"), small.begin("up")]
    ended = {process.pid: (*process.communicate(timeout=60), process.returncode) for process in both}
    assert sorted(code for *_, code in ended.values()) == [0, 4]
    winner = next(pid for pid, (*_, code) in ended.items() if code == 0)
    loser = next(stderr for _, stderr, code in ended.values() if code == 4)
    assert re.fullmatch(
        rf"error: The stack is being changed by `dataops up --env small` \(pid {winner} of \w+ on "
        rf"{re.escape(socket.gethostname())}, since [\dT:+-]+\)\n"
        rf"  → Wait until it has ended. If it has, and left its lock behind: docker rm {small.name}-lock\n",
        loser,
    )
    small.assert_whole()


def test_while_the_lock_is_held_nothing_is_changed_and_everything_can_be_seen(small: SmallStack) -> None:
    assert small.run("up").returncode == 0
    with changing(small.engine, small.name, "a test") as lock:
        lock()
        assert small.run("up").stdout == "small is up and healthy: 5 services, no changes.\n"
        before = small.states()
        for command in (["up", "--force-recreate"], ["down"], ["stop"], ["start"], ["restart"]):
            refused = small.run(*command)
            assert (refused.returncode, refused.stdout) == (4, "")
            assert "The stack is being changed by `a test`" in refused.stderr
        assert small.states() == before
        assert small.run("up", "--plan", "--force-recreate").returncode == 0
        assert lock_name(small.name) not in small.run("ps", "--json").stdout
        labels = small.engine.inspect(lock_name(small.name))["Config"]["Labels"]
        assert not any(key.startswith("com.docker.compose") for key in labels)
    small.assert_whole()


def test_a_lock_whose_holder_was_killed_is_taken_over(small: SmallStack) -> None:
    process = small.begin("up")
    until(lambda: small.locked)
    process.kill()
    process.communicate()
    assert small.locked
    assert small.run("up").returncode == 0
    small.assert_whole()


def test_a_lock_of_another_machine_is_left_until_it_is_removed_by_hand(small: SmallStack) -> None:
    with changing(small.engine, small.name, "a test") as lock:  # makes the image
        lock()
    holder = {"command": "dataops down", "user": "ada", "host": "elsewhere", "pid": "1", "since": "today"}
    small.engine.create(
        lock_name(small.name),
        {
            "Image": IMAGE,
            "Cmd": ["-"],
            "Labels": {f"dataops.lock.{key}": value for key, value in holder.items()},
        },
    )
    refused = small.run("up")
    assert refused.returncode == 4
    assert "by `dataops down` (pid 1 of ada on elsewhere, since today)" in refused.stderr
    assert small.states() == {}
    small.engine.remove(lock_name(small.name))
    assert small.run("up").returncode == 0
    small.assert_whole()


def test_the_lock_s_image_is_made_where_it_is_missing(engine: docker_api.Engine) -> None:
    name = unique("lock-alone")
    docker("rmi", "--force", IMAGE)
    with changing(engine, name, "a test") as lock:
        lock()
        lock()  # is held already
        with (
            pytest.raises(DataopsError, match="being changed by `a test`"),
            changing(engine, name, "b") as other,
        ):
            other()
    with changing(engine, name, "a test") as lock:
        lock()
