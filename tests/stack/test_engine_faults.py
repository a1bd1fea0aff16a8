"""What goes wrong while a stack changes, on real engines, and what is left afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from own_daemon import Daemon, own_daemon
from small_stack import FILE, SECRET, SERVICES, SmallStack, docker, unique

from dataops_cli import docker_api
from support import Dataops, free_port, until

pytestmark = pytest.mark.engine

IMAGE = "dataops-test/stand-in:1"
# Stands before the program that starts containers, and holds up a command of it while there is a file `hold`.
HOLDING = """\
#!/bin/sh
for word; do
    while [ "$word" = {command} ] && [ -e {folder}/hold ]; do touch {folder}/held; sleep 0.05; done
done
exec runc "$@"
"""


@pytest.fixture
def small(
    tmp_path: Path, new_platform: Callable[[Path], Path], dataops: Dataops, engine: docker_api.Engine
) -> Iterator[SmallStack]:
    """The small stack on the machine's engine; swept afterwards."""
    stack = SmallStack(dataops, engine, new_platform(tmp_path / "platform"), unique("fault"))
    yield stack
    stack.sweep()


@pytest.fixture
def small_with(
    tmp_path: Path, new_platform: Callable[[Path], Path], dataops: Dataops
) -> Callable[[Daemon], SmallStack]:
    """The small stack on an engine of the test's own."""

    def make(daemon: Daemon) -> SmallStack:
        folder = new_platform(tmp_path / "platform")
        return SmallStack(dataops, daemon.engine, folder, unique("fault"), {"DOCKER_HOST": daemon.host})

    return make


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="an engine of the test's own needs root")


def one_error(process: subprocess.CompletedProcess[str]) -> str:
    """What was written to stderr, which is one error with one hint and no traceback."""
    text = process.stderr
    assert text.count("error: ") == 1, text
    assert text.count("  → ") == 1, text
    assert "Traceback" not in text
    assert "Unexpected" not in text
    assert SECRET not in text
    return text


def end(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    stdout, stderr = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def kill_after(process: subprocess.Popen[str], seconds: float) -> None:
    time.sleep(seconds)
    process.kill()
    process.communicate()


def kill_at(small: SmallStack, number: int, *, started: bool) -> None:
    """Begin `up`, and kill it just when it has made or started so many containers; at none when it has the lock."""
    process = small.begin("up")

    def reached() -> bool:
        found = [state for state in small.states().values() if not started or state != "created"]
        return len(found) >= number and (number > 0 or small.locked)

    until(reached, pause=0.02)
    process.kill()
    process.communicate()


def up(small: SmallStack) -> float:
    """Bring it up; returns how many seconds that took."""
    began = time.monotonic()
    done = small.run("up")
    assert done.returncode == 0, done.stderr
    return time.monotonic() - began


def fill(path: Path) -> None:
    """Write to a file until its disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


# ---- SIGKILL


def test_up_killed_at_ten_moments_is_finished_by_the_next(small: SmallStack) -> None:
    halves = set()
    for started in (False, True):
        for number in range(1 - started, len(SERVICES) + 1 - started):
            small.sweep()
            kill_at(small, number, started=started)
            halves.add(len(small.containers()))
            up(small)
            small.assert_whole()
    assert len(halves) > 3, "the kills came too late to show anything"


def test_recreate_killed_is_finished_by_the_next(small: SmallStack) -> None:
    up(small)
    small.edit('VERSION: "1"', 'VERSION: "2"')
    undisturbed = up(small)
    small.assert_whole("2")
    for moment in range(1, 5):
        version = str(moment + 2)
        small.edit(f'VERSION: "{moment + 1}"', f'VERSION: "{version}"')
        kill_after(small.begin("up"), undisturbed * moment / 5)
        up(small)
        small.assert_whole(version)


@pytest.mark.parametrize(("number", "started"), [(0, False), (2, False), (4, True)])
def test_down_after_a_kill_leaves_nothing_but_volumes(small: SmallStack, number: int, started: bool) -> None:
    kill_at(small, number, started=started)
    down = small.run("down")
    assert down.returncode == 0, down.stderr
    small.assert_down()


def test_down_killed_is_finished_by_the_next(small: SmallStack) -> None:
    up(small)
    process = small.begin("down")
    until(lambda: len(small.states()) < 5)
    process.kill()
    process.communicate()
    assert small.run("down").returncode == 0
    small.assert_down()


# ---- Ctrl-C


def test_an_interrupted_up_ends_at_once_and_is_finished_by_the_next(small: SmallStack) -> None:
    """Also while a container takes its time to stop."""
    small.edit(
        "side: *service",
        "side: {<<: *service, stop_grace_period: 300s, command: [sleep, '600'], init: false}",
    )
    up(small)
    small.edit('VERSION: "1"', 'VERSION: "2"')
    process = small.begin("up")
    until(lambda: any(name.endswith(f"_{small.name}-side-1") for name in small.states()))
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    ended = end(process)
    assert time.monotonic() - began < 60
    assert ended.returncode == 130
    assert ended.stderr == "error: Interrupted\n  → Run the command again: it begins with what it finds.\n"
    docker("kill", f"{small.name}-side-1")  # or the next one waits for 300 s
    assert small.run("up").returncode == 0
    small.assert_whole("2")


# ---- the engine itself


@needs_root
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_engine_restarted_during_up(
    small_with: Callable[[Daemon], SmallStack], engine: docker_api.Engine, how: signal.Signals
) -> None:
    with own_daemon(IMAGE) as daemon:
        small = small_with(daemon)
        # Nothing may be just starting: see the next test.
        small.edit("    secrets:", "    healthcheck: {test: 'true', interval: 5s}\n    secrets:")
        process = small.begin("up")
        until(lambda: [*small.states().values()].count("running") == 2)
        daemon.kill(how)
        ended = end(process)
        assert ended.returncode == 3, ended.stderr
        text = one_error(ended)
        assert f"Cannot reach the Docker engine of {daemon.host}" in text
        assert "docker info" in text
        daemon.start()
        small.engine = daemon.engine
        up(small)
        small.assert_whole()
        assert small.run("down").returncode == 0
        small.assert_down()


@needs_root
@pytest.mark.parametrize("command", ["create", "start"])
def test_the_engine_killed_while_it_starts_a_container(
    small_with: Callable[[Daemon], SmallStack], engine: docker_api.Engine, tmp_path: Path, command: str
) -> None:
    """The container's processes live on, and no engine knows of them: the user is told to end them."""
    runtime, hold = tmp_path / "runtime", tmp_path / "hold"
    runtime.write_text(HOLDING.format(folder=tmp_path, command=command))
    runtime.chmod(0o755)
    hold.touch()
    with own_daemon(IMAGE, options=[f"--add-runtime=held={runtime}", "--default-runtime=held"]) as daemon:
        small = small_with(daemon)
        process = small.begin("up", "side")
        until((tmp_path / "held").exists)
        daemon.kill(signal.SIGKILL)
        hold.unlink()
        assert end(process).returncode == 3
        daemon.start()
        small.engine = daemon.engine
        name = f"{small.name}-side-1"
        lost = small.run("up")
        assert lost.returncode == 1, lost.stdout + lost.stderr
        text = one_error(lost)
        assert f"The engine seems to have been killed while it started {name}" in text
        remedy = text.strip().rpartition("sudo ")[2]
        assert remedy == f"pkill --full shim.*{small.containers()[name]['Id'][:12]}"
        found = subprocess.run(["pgrep", *remedy.split()[1:]], check=True, capture_output=True, text=True)
        for number in found.stdout.split():
            os.kill(int(number), signal.SIGTERM)
        up(small)
        small.assert_whole()


@needs_root
def test_a_full_disk(small_with: Callable[[Daemon], SmallStack], engine: docker_api.Engine) -> None:
    with own_daemon(IMAGE, size="64m") as daemon:
        small = small_with(daemon)
        up(small)
        filler = daemon.folder / "data" / "filler"
        fill(filler)
        small.edit('VERSION: "1"', 'VERSION: "2"')
        full = small.run("up")
        assert full.returncode == 3, full.stderr
        text = one_error(full)
        assert "no space left on device" in text
        assert "Free some space on the engine's disk" in text
        filler.unlink()
        up(small)
        small.assert_whole("2")


# ---- what others do to containers, networks and images meanwhile


@pytest.mark.parametrize(
    ("command", "outcomes"),
    # Removing by force is killing first: what is seen is one or the other.
    [
        ("kill", [(1, "exited with code 137")]),
        ("rm", [(1, "exited with code 137"), (3, "was taken away while it was waited for")]),
    ],
)
def test_a_container_taken_away_while_it_is_waited_for(
    small: SmallStack, command: str, outcomes: list[tuple[int, str]]
) -> None:
    check = "healthcheck: {test: 'false', interval: 200ms, start_period: 600s}"
    small.edit("side: *service", f"side: {{<<: *service, {check}}}")
    name = f"{small.name}-side-1"
    process = small.begin("up")
    until(lambda: small.states().get(f"{small.name}-web-1") == "running")
    docker(command, *(["--force"] if command == "rm" else []), name)
    ended = end(process)
    assert any(
        ended.returncode == code and f"{name} {reason}" in one_error(ended) for code, reason in outcomes
    ), ended
    small.edit(check, "init: true")
    up(small)
    small.assert_whole()


def test_networks_removed_by_hand(small: SmallStack) -> None:
    up(small)
    docker("network", "disconnect", "--force", f"{small.name}_back", f"{small.name}-db-1")
    docker("network", "rm", f"{small.name}_back")
    up(small)
    small.assert_whole()
    assert small.run("stop").returncode == 0
    docker("network", "rm", f"{small.name}_back", f"{small.name}_default")
    up(small)
    small.assert_whole()


def test_an_image_deleted(small: SmallStack) -> None:
    image = "127.0.0.1:9/dataops-test/fault:1"
    docker("tag", IMAGE, image)
    try:
        small.edit(f"x-service: &service\n  image: {IMAGE}", f"x-service: &service\n  image: {image}")
        up(small)
        before = small.states()
        docker("rmi", "--force", image)
        missing = small.run("up")
        assert missing.returncode == 3
        assert f"Cannot pull {image}" in one_error(missing)
        assert f"docker pull {image}" in missing.stderr
        assert small.states() == before
    finally:
        docker("tag", IMAGE, image)
    try:
        up(small)
        small.assert_whole()
    finally:
        docker("rmi", "--force", image)


def test_a_port_that_a_process_holds(small: SmallStack) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        small.edit("side: *service", f"side: {{<<: *service, ports: ['127.0.0.1:{port}:8978']}}")
        taken = small.run("up")
        assert taken.returncode == 1
        text = one_error(taken)
        assert f"The port 127.0.0.1:{port} of {small.name}-side-1 is in use" in text
        assert f"ss --all --processes 'sport = {port}'" in text
        assert "stack.port_offset" in text
    up(small)
    small.assert_whole()


def test_a_port_that_a_container_holds(small: SmallStack) -> None:
    port = free_port()
    small.edit("side: *service", f"side: {{<<: *service, ports: ['127.0.0.1:{port}:8978']}}")
    holder = unique("holder")
    docker("run", "--detach", "--init", f"--name={holder}", f"--publish=127.0.0.1:{port}:8978", IMAGE)
    try:
        taken = small.run("up")
        assert taken.returncode == 1
        text = one_error(taken)
        assert f"The port 127.0.0.1:{port} of {small.name}-side-1 is in use by the container {holder}" in text
        assert f"docker stop {holder}" in text
    finally:
        docker("rm", "--force", holder)
    up(small)
    small.assert_whole()


# ---- files and services that cannot work


def test_files_that_are_wrong_are_refused_before_anything_is_touched(small: SmallStack) -> None:
    up(small)
    before = small.states(), {item["Id"] for item in small.containers().values()}
    for text, reason in (
        ("services: {db: [", "compose/small.yml:2: no valid YAML"),
        (FILE.replace("stop_grace_period", "stop_grace"), ".stop_grace is not supported"),
        (FILE.replace('"1"', '"${UNSET_BY_TEST:?is needed}"'), "UNSET_BY_TEST: is needed"),
        (FILE.replace("    secrets:", "    depends_on: [web]\n    secrets:"), "db → web → api → init → db"),
    ):
        small.write(text)
        wrong = small.run("up")
        assert wrong.returncode == 2
        assert reason in one_error(wrong)
    assert (small.states(), {item["Id"] for item in small.containers().values()}) == before
    assert small.run("down").returncode == 0
    small.assert_down()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("restart: always, command: [sh, -c, 'exit 3']", "side-1 exits and restarts over and over (code 3)"),
        (
            "healthcheck: {test: 'echo no such table; exit 1', interval: 200ms, retries: 2}",
            "its check said (exit 1): no such table",
        ),
    ],
    ids=["loops", "unhealthy"],
)
def test_a_service_that_never_becomes_healthy(small: SmallStack, change: str, reason: str) -> None:
    small.edit("side: *service", f"side: {{<<: *service, {change}}}")
    failed = small.run("up")
    assert failed.returncode == 1
    assert reason in one_error(failed)
    small.edit(f"{{<<: *service, {change}}}", "*service")
    up(small)
    small.assert_whole()
