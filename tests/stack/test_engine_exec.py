"""`dataops exec` in real containers, through pipes and through a real terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataops_cli import docker_api
from support import Dataops, clean_environment
from sweep import sweep

pytestmark = pytest.mark.engine

ENVIRONMENT = """\
[stack]
enabled = true
name = "{name}"
prefix = "{name}-"
timeout = 120
"""
COMPOSE = """\
services:
  web:
    image: dataops-test/stand-in:1
    scale: 2
    restart: always
    environment: {COLOUR: blue}
    ports: ["127.0.0.1::8978"]
    volumes: ["data:/data"]
    secrets: [postgres_password]
    networks: {front: {aliases: [shop]}, back: }
  idle:
    image: dataops-test/stand-in:1
networks: {front: , back: }
volumes: {data: }
secrets:
  postgres_password: {environment: POSTGRES_PASSWORD}
"""


class Stack:
    """A running stack in the environment `exec`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    def start(self, *arguments: str, **streams: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "dataops_cli", "exec", "--env", "exec", *arguments],
            cwd=self.folder,
            env=clean_environment(),
            **streams,  # type: ignore[call-overload]
        )

    def run(self, *arguments: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = self.start(*arguments, **pipes)
        stdout, stderr = process.communicate(stdin, timeout=120)
        return process.returncode, stdout, stderr


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    new_platform: Callable[[Path], Path],
    engine: docker_api.Engine,
    dataops: Dataops,
) -> Iterator[Stack]:
    folder = new_platform(tmp_path_factory.mktemp("exec") / "platform")
    name = f"dataops-exec-test-{os.getpid()}"
    (folder / "environments" / "exec.toml").write_text(ENVIRONMENT.format(name=name))
    (folder / "compose" / "compose.yml").write_text(COMPOSE)
    try:
        up = dataops("up", "web", "--env", "exec", cwd=folder)
        assert up.returncode == 0, up.stderr
        yield Stack(folder, name)
    finally:
        sweep(engine, name)


def containers(engine: docker_api.Engine, stack: Stack) -> list[str]:
    return [item["Names"][0] for item in engine.containers(f"com.docker.compose.project={stack.name}")]


@pytest.mark.parametrize("options", [(), ("--one-off",)])
def test_streams_and_exit_code_are_passed_on(stack: Stack, options: tuple[str, ...]) -> None:
    script = "cat; echo error >&2; echo $COLOUR; exit 7"
    done = stack.run(*options, "web", "--", "sh", "-c", script, stdin=b"input\n")
    assert done == (7, b"input\nblue\n", b"error\n")
    content = os.urandom(3_000_000)
    assert stack.run(*options, "web", "cat", stdin=content) == (0, content, b"")


def test_options_before_the_service_are_ours_and_after_it_the_commands(stack: Stack) -> None:
    options = ("--user", "1000", "--workdir", "/data", "--index", "2")
    code, stdout, _ = stack.run(*options, "web", "sh", "-c", "id -u; pwd; echo $HOSTNAME $1", "x", "--user")
    uid, folder, last = stdout.decode().splitlines()
    assert (code, uid, folder, last.split()[1]) == (0, "1000", "/data", "--user")
    assert stack.run("web", "--", "echo", "--", "-e") == (0, b"-- -e\n", b"")
    code, _, stderr = stack.run("web", "--index", "2", "true")
    assert (code, b"Options of ours come before SERVICE" in stderr) == (2, True)
    assert stack.run("web", "--")[0] == 2
    assert stack.run("--json", "web", "true")[0] == 2


@pytest.mark.parametrize("options", [(), ("--one-off",)])
def test_a_plan_runs_nothing(stack: Stack, engine: docker_api.Engine, options: tuple[str, ...]) -> None:
    before = containers(engine, stack)
    code, stdout, _ = stack.run("--plan", *options, "web", "sh", "-c", "touch /data/planned")
    assert code == 0
    assert stdout.startswith(b"run sh -c 'touch /data/planned' in ")
    assert containers(engine, stack) == before
    assert stack.run("web", "test", "-e", "/data/planned")[0] == 1


def test_a_command_that_leaves_its_input_unread_ends_at_once(stack: Stack) -> None:
    process = stack.start("web", "true", stdin=subprocess.PIPE)
    assert process.wait(timeout=120) == 0
    process.stdin.close()  # type: ignore[union-attr]


def test_what_cannot_be_run(stack: Stack) -> None:
    def refused(*arguments: str) -> tuple[int, list[str]]:
        code, _, stderr = stack.run(*arguments)
        return code, stderr.decode().splitlines()

    assert refused("nosuch", "true") == (2, ["error: There is no service nosuch", "  → Services: idle, web"])
    assert refused("--one-off", "nosuch", "true")[0] == 2
    hint = "  → Start it: dataops up idle --env exec"
    assert refused("idle", "true") == (3, ["error: Service idle does not run", hint])
    several = ["error: Service web has no running container 9", "  → Running: 1, 2"]
    assert refused("--index", "9", "web", "true") == (2, several)
    for options, code in (((), 126), (("--one-off",), 127)):
        found, (reason, *_) = refused(*options, "web", "nosuch")
        assert (found, reason) == (code, "error: The container of service web cannot start nosuch")
    assert refused("--one-off", "web", "/data")[0] == 126
    assert refused("web", "sh", "-c", "exit 127") == (127, [])


def test_a_one_off_is_like_the_service_without_its_ports_and_names(
    stack: Stack, engine: docker_api.Engine
) -> None:
    before = containers(engine, stack)
    process = stack.start(
        "--one-off",
        "web",
        "cat",
        "/run/secrets/postgres_password",
        "-",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    secret = os.read(process.stdout.fileno(), 1000)  # type: ignore[union-attr]
    (name,) = set(containers(engine, stack)) - set(before)
    assert re.fullmatch(rf"/{stack.name}-web-run-[0-9a-f]{{12}}", name)
    facts, service = engine.inspect(name), engine.inspect(f"{stack.name}-web-1")
    assert process.communicate(timeout=120) == (b"", None)
    assert process.returncode == 0
    assert containers(engine, stack) == before

    assert len(secret) >= 32
    assert secret.decode() not in json.dumps(facts)
    assert facts["Config"]["Labels"]["com.docker.compose.oneoff"] == "True"
    assert facts["HostConfig"]["PortBindings"] == {}
    assert facts["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert facts["HostConfig"]["Binds"] == service["HostConfig"]["Binds"]
    networks, of_service = (item["NetworkSettings"]["Networks"] for item in (facts, service))
    assert {*networks} == {*of_service} == {f"{stack.name}_front", f"{stack.name}_back"}
    for network in networks.values():
        assert set(network["Aliases"]) == {name[1:], facts["Id"][:12]}


def test_a_one_off_needs_what_up_makes(stack: Stack) -> None:
    file = stack.folder / "compose" / "compose.yml"
    text = file.read_text()
    file.write_text(text.replace("data:/data", "more:/data").replace("{data: }", "{data: , more: }"))
    code, _, stderr = stack.run("--one-off", "web", "true")
    file.write_text(text)
    assert code == 3
    assert f"its volume {stack.name}_more is not there" in stderr.decode()


@pytest.mark.parametrize("options", [(), ("--one-off",)])
def test_ctrl_c_without_a_terminal(stack: Stack, engine: docker_api.Engine, options: tuple[str, ...]) -> None:
    before = containers(engine, stack)
    script = "trap 'exit 0' TERM; echo ready; while true; do sleep 0.1; done"
    process = stack.start(
        *options,
        "web",
        "sh",
        "-c",
        script,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    assert process.stdout.read(6) == b"ready\n"  # type: ignore[union-attr]
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"Traceback" not in stderr
    assert containers(engine, stack) == before


def test_a_reader_that_leaves_early_is_no_error(stack: Stack) -> None:
    process = stack.start(
        "web",
        "sh",
        "-c",
        "while echo more; do true; done",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.read(10) == b"more\nmore\n"  # type: ignore[union-attr]
    process.stdout.close()  # type: ignore[union-attr]
    assert process.wait(timeout=120) == 0
    assert process.stderr.read() == b""  # type: ignore[union-attr]


class Terminal:
    """A real terminal of 30 rows and 101 columns, and what appears on it."""

    def __init__(self) -> None:
        self.ours, self.its = pty.openpty()
        self.resize(30, 101)
        self.seen = b""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.ours, keys)

    def until(self, pattern: bytes) -> bytes:
        """What appears until the pattern does, which fails after two minutes."""
        deadline = time.monotonic() + 120
        while not (found := re.search(pattern, self.seen)):
            assert time.monotonic() < deadline, self.seen
            os.set_blocking(self.ours, False)
            try:
                self.seen += os.read(self.ours, 4096)
            except BlockingIOError:
                time.sleep(0.02)
        shown, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return shown


@pytest.mark.parametrize("options", [(), ("--one-off",)])
def test_in_a_terminal_it_is_interactive(stack: Stack, options: tuple[str, ...]) -> None:
    terminal = Terminal()
    before = termios.tcgetattr(terminal.its)
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal.its)
    process = stack.start(*options, "web", "sh", "-c", INTERACTIVE, **streams)
    terminal.until(b"a terminal\r\n")
    terminal.until(b"ready\r\n")
    assert termios.tcgetattr(terminal.its)[3] & termios.ICANON == 0
    terminal.until(b"size 30 101\r\n")
    terminal.resize(44, 55)
    process.send_signal(signal.SIGWINCH)
    terminal.until(b"size 44 55\r\n")
    terminal.type(b"\x03")
    terminal.until(b"interrupted\r\n")
    assert process.wait(timeout=120) == 9
    assert termios.tcgetattr(terminal.its) == before


# What the shell there is told of its terminal, without `stty`: the image has none.
INTERACTIVE = """
trap 'echo interrupted; exit 9' INT
test -t 0 && test -t 1 && echo a terminal
echo ready
while true; do busybox stty size | while read size; do echo "size $size"; done; sleep 0.1; done
"""


def test_the_terminal_is_restored_when_the_command_is_terminated(stack: Stack) -> None:
    terminal = Terminal()
    before = termios.tcgetattr(terminal.its)
    process = stack.start("web", "sh", "-c", "echo ready; cat", stdin=terminal.its, stdout=terminal.its)
    terminal.until(b"ready\r\n")
    process.terminate()
    assert process.wait(timeout=120) == 130
    assert termios.tcgetattr(terminal.its) == before
