"""Two changes of one stack at the same time, on a real engine."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from small_stack import SmallStack, docker, unique

from dataops_cli import docker_api
from dataops_cli.docker_api.connection import Connection
from dataops_cli.errors import DataopsError
from dataops_cli.stack.lock import IMAGE, changing, held_by, lock_name
from dataops_cli.stack.lock_holder import Holder
from local_engine import STAND_IN
from support import Dataops, clean_environment, until
from sweep import sweep

pytestmark = pytest.mark.engine


@pytest.fixture
def small(
    tmp_path: Path, new_platform: Callable[[Path], Path], dataops: Dataops, engine: docker_api.Engine
) -> Iterator[SmallStack]:
    stack = SmallStack(dataops, engine, new_platform(tmp_path / "platform"), unique("lock"))
    yield stack
    stack.sweep()


def test_of_two_ups_at_once_one_is_refused_and_the_other_finishes(small: SmallStack) -> None:
    # The one that finishes does not before the other one has ended.
    small.edit(
        "side: *service",
        "side: {<<: *service, healthcheck: {test: test -e /go, interval: 200ms, retries: 999}}",
    )
    both = [small.begin("up"), small.begin("up")]
    until(lambda: any(process.poll() is not None for process in both))
    until(lambda: small.states().get(f"{small.name}-side-1") == "running")
    docker("exec", f"{small.name}-side-1", "sh", "-c", ": > /go")
    ended = {process.pid: (*process.communicate(timeout=120), process.returncode) for process in both}
    assert sorted(code for *_, code in ended.values()) == [0, 4]
    winner = next(pid for pid, (*_, code) in ended.items() if code == 0)
    loser = next(stderr for _, stderr, code in ended.values() if code == 4)
    assert re.fullmatch(
        rf"error: The stack is being changed by `dataops up --env small` \(pid {winner} of \w+ on "
        rf"{re.escape(socket.gethostname())}, since [\dT:+-]+\)\n"
        r"  → Wait until it has ended. If it has, and left its lock behind: dataops lock release --env small\n",
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
    again = small.run("up")
    assert again.returncode == 0
    assert re.search(
        rf"warning: Took over the lock that `dataops up --env small` \(pid {process.pid} of .* left behind: "
        "its holder is gone\n",
        again.stderr,
    )
    small.assert_whole()


def test_a_lock_of_another_machine_is_left_until_it_is_released_by_hand(small: SmallStack) -> None:
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
    unsure = small.run("lock", "release")
    assert unsure.returncode == 5
    assert unsure.stderr == (
        "error: The lock is not released: nobody here can tell whether it is in use by `dataops down` "
        "(pid 1 of ada on elsewhere, since today)\n"
        "  → Wait until that has ended. If you are sure that it changes nothing more: "
        "dataops lock release --env small --force\n"
    )
    assert small.run("lock", "release", "--force").returncode == 0
    assert small.run("up").returncode == 0
    small.assert_whole()


@pytest.fixture
def own_image(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The locks of the test are of an image of their own, which nobody has made yet."""
    image = f"{unique('lock-image')}:1"
    monkeypatch.setattr("dataops_cli.stack.lock_container.IMAGE", image)
    yield
    docker("rmi", image)


def test_the_lock_s_image_is_made_where_it_is_missing(engine: docker_api.Engine, own_image: None) -> None:
    name = unique("lock-alone")
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


# Holds the lock of a project, in a process of its own, with an image that has `cat`.
HOLD = """
import signal, sys, time
from dataops_cli import docker_api
from dataops_cli.__main__ import _as_interrupt
from dataops_cli.stack.lock import changing
signal.signal(signal.SIGTERM, _as_interrupt)
with changing(docker_api.connect(), sys.argv[1], "a holder", reason="a test", images=[sys.argv[2]]) as lock:
    lock()
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def name(engine: docker_api.Engine) -> Iterator[str]:
    """A project of which nothing is there; its lock is removed afterwards."""
    found = unique("lock-living")
    yield found
    sweep(engine, found)


@pytest.fixture
def begin(name: str) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts a process that holds the lock of `name`."""
    begun: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, name, STAND_IN],
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def locked(engine: docker_api.Engine, name: str) -> bool:
    return held_by(engine, name) is not None


def is_heard_of(engine: docker_api.Engine, name: str) -> bool:
    """Whether the engine has written a heartbeat of the lock's holder."""
    holder = held_by(engine, name)
    return holder is not None and holder.heard is not None


def test_a_lock_ends_with_its_holder_wherever_that_was(
    engine: docker_api.Engine,
    name: str,
    begin: Callable[[], subprocess.Popen[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    holder = begin()
    until(lambda: is_heard_of(engine, name))
    monkeypatch.setattr(socket, "gethostname", lambda: "another machine")
    with (
        pytest.raises(
            DataopsError, match=r"by `a holder` \(pid \d+ of .*, last heard of \d+ s ago\): a test$"
        ),
        changing(engine, name, "b") as lock,
    ):
        lock()
    holder.kill()
    until(lambda: not locked(engine, name))
    with changing(engine, name, "b") as lock:
        lock()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_holder_releases_it(
    engine: docker_api.Engine, name: str, begin: Callable[[], subprocess.Popen[str]], number: signal.Signals
) -> None:
    holder = begin()
    holder.send_signal(number)
    _, stderr = holder.communicate(timeout=120)
    assert "Interrupted" in stderr
    assert not locked(engine, name)


def test_a_holder_whose_connection_is_cut_must_not_go_on(
    engine: docker_api.Engine, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Connection] = []
    attach = docker_api.Engine.attach

    def remember(self: docker_api.Engine, container: str, *, stdin: bool) -> Connection:
        made.append(attach(self, container, stdin=stdin))
        return made[-1]

    monkeypatch.setattr(docker_api.Engine, "attach", remember)
    with changing(engine, name, "a test", images=[STAND_IN]) as lock:
        lease = lock()
        lease.check()
        made[0].end_input()
        until(lambda: not locked(engine, name))
        with pytest.raises(DataopsError, match="no longer holds the lock") as error:
            lease.check()
        assert error.value.exit_code == 4


def test_heartbeats_are_seen_by_the_engine_s_clock(
    engine: docker_api.Engine, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataops_cli.stack.lock_container.HEARTBEAT", 0.5)
    with changing(engine, name, "a test", images=[STAND_IN]) as lock:
        lock()
        until(lambda: len(engine.logs(lock_name(name)).splitlines()) >= 5)  # the first is 2 s old
        until(lambda: last_heard(engine, name) < 1.5)


def last_heard(engine: docker_api.Engine, name: str) -> float:
    holder = held_by(engine, name)
    assert holder is not None
    assert holder.status == "running"
    assert holder.heard is not None
    return holder.heard


def test_a_living_lock_can_do_nothing(engine: docker_api.Engine, name: str) -> None:
    with changing(engine, name, "a test", images=["no-such-image:1", STAND_IN]) as lock:
        lock()
        facts = engine.inspect(lock_name(name))
        host = facts["HostConfig"]
        assert (host["NetworkMode"], host["ReadonlyRootfs"], host["CapDrop"]) == ("none", True, ["ALL"])
        assert (facts["Config"]["User"], host["SecurityOpt"]) == ("65534:65534", ["no-new-privileges"])
        assert not any(key.startswith("com.docker.compose") for key in facts["Config"]["Labels"])


def test_an_image_without_cat_makes_a_lock_that_is_never_started(
    engine: docker_api.Engine, name: str
) -> None:
    with changing(engine, name, "a test") as lock:
        lock()
    with changing(engine, name, "a test", images=[IMAGE]) as lock:
        lease = lock()
        lease.check()
        assert engine.inspect(lock_name(name))["State"]["Status"] == "created"


def test_a_lock_is_waited_for(
    engine: docker_api.Engine, name: str, begin: Callable[[], subprocess.Popen[str]]
) -> None:
    holder = begin()
    told: list[str] = []

    def end_it(of: Holder) -> None:
        told.append(of.facts["command"])
        holder.kill()

    with changing(engine, name, "b", images=[STAND_IN], wait=120, on_wait=end_it) as lock:
        lock()
    assert told == ["a holder"]


def test_of_many_at_once_one_has_it_at_a_time(engine: docker_api.Engine, name: str) -> None:
    inside: list[int] = []
    most: list[int] = []

    def take(number: int) -> None:
        with changing(engine, name, f"number {number}", images=[STAND_IN], wait=300) as lock:
            lock()
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.1)
            inside.remove(number)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(take, range(6)))
    assert most == [1] * 6


def test_the_lock_is_taken_and_released_by_hand(small: SmallStack) -> None:
    assert small.run("up").returncode == 0
    assert small.run("lock", "status").stdout == "small is not locked.\n"
    taken = small.run("lock", "acquire", "-m", "moving house")
    assert taken.stdout == (
        "small is locked: moving house\n  → Unlock it with: dataops lock release --env small\n"
    )
    refused = small.run("restart")
    assert refused.returncode == 4
    assert re.fullmatch(
        rf"error: The stack is locked by \w+ on {re.escape(socket.gethostname())}, since [\dT:+-]+: moving house\n"
        r"  → Ask them. When nothing speaks against it any more: dataops lock release --env small\n",
        refused.stderr,
    )
    assert small.run("lock", "acquire", "-m", "me too").returncode == 4
    status = json.loads(small.run("lock", "status", "--json").stdout)
    assert (status["held"], status["by_hand"], status["reason"], status["liveness"]) == (
        True,
        True,
        "moving house",
        "kept",
    )
    assert small.run("lock", "release").returncode == 0
    assert json.loads(small.run("lock", "status", "--json").stdout) == {"environment": "small", "held": False}
    assert small.run("lock", "release").stdout == "small is not locked.\n"
    small.assert_whole()


def test_a_command_s_lock_lives_where_the_stack_is_up(small: SmallStack) -> None:
    assert small.run("up").returncode == 0
    with changing(small.engine, small.name, "a test") as lock:
        lease = lock()
        until(lambda: is_heard_of(small.engine, small.name))
        status = json.loads(small.run("lock", "status", "--json").stdout)
        assert (status["command"], status["liveness"]) == ("a test", "alive")
        assert status["last_heard_seconds"] < 30
        refused = small.run("lock", "release")
        assert refused.returncode == 5
        assert "The lock is not released: it is in use by `a test`" in refused.stderr
        assert small.run("lock", "release", "--force").returncode == 0
        with pytest.raises(DataopsError, match="no longer holds"):
            lease.check()
