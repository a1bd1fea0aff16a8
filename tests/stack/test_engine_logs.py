"""`dataops logs` of real containers: interleaved, followed through restarts, in bounded memory."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import Dataops, clean_environment

pytestmark = pytest.mark.engine

ENVIRONMENT = """\
[stack]
enabled = true
name = "{name}"
prefix = "{name}-"
timeout = 120
"""


class Platform:
    """A platform with the environment `logs`, whose stack the test writes."""

    def __init__(self, folder: Path, name: str, dataops: Dataops) -> None:
        self.folder, self.name, self._dataops = folder, name, dataops

    def define(self, **services: dict[str, object]) -> None:
        image = {"image": "dataops-test/stand-in:1", "init": True}
        document = {"services": {key: image | service for key, service in services.items()}}
        (self.folder / "compose" / "compose.yml").write_text(json.dumps(document))

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self._dataops(*arguments, "--env", "logs", cwd=self.folder, **variables)

    def up(self, *arguments: str) -> None:
        done = self.run("up", *arguments)
        assert done.returncode == 0, done.stderr

    @contextmanager
    def follow(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dataops_cli", "logs", "--follow", "--env", "logs", *arguments],
            cwd=self.folder,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def platform(
    tmp_path: Path,
    new_platform: Callable[[Path], Path],
    swept: Callable[[str], None],
    dataops: Dataops,
) -> Platform:
    folder = new_platform(tmp_path / "platform")
    name = f"dataops-logs-test-{os.getpid()}"
    (folder / "environments" / "logs.toml").write_text(ENVIRONMENT.format(name=name))
    swept(name)
    return Platform(folder, name, dataops)


def says(script: str, **more: object) -> dict[str, object]:
    return {"command": ["sh", "-c", script.replace("$", "$$")]} | more


def test_lines_of_all_containers_in_the_order_of_time(platform: Platform) -> None:
    platform.define(
        first=says("echo one; sleep 1; echo error >&2; sleep 1; printf end; sleep 1000", scale=2),
        second=says("sleep 0.5; printf 'caf\\351\\n'; sleep 1; echo three; sleep 1000", tty=True),
    )
    platform.up()
    with platform.follow("--json") as following:
        lines = [json.loads(next(following.stdout)) for _ in range(6)]  # type: ignore[arg-type]
        following.send_signal(signal.SIGINT)
        assert following.communicate(timeout=120) == ("", "")
    assert following.returncode == 130
    found = json.loads(f"[{','.join(platform.run('logs', '--json').stdout.splitlines())}]")
    assert sorted(map(str, found)) == sorted(map(str, lines))
    assert [line["time"] for line in found] == sorted(line["time"] for line in found)
    assert {line["line"] for line in found if line["service"] == "second"} == {"caf\ufffd", "three"}
    assert {line["container"] for line in found} == {
        f"{platform.name}-{container}" for container in ("first-1", "first-2", "second-1")
    }

    shown = platform.run("logs").stdout.splitlines()
    wanted = [
        "second" if line["service"] == "second" else line["container"].removeprefix(f"{platform.name}-")
        for line in found
    ]
    assert shown == [f"{name:<7} | {line['line']}" for name, line in zip(wanted, found, strict=True)]
    assert platform.run("logs", "second", "--tail", "1").stdout == "second | three\n"
    assert "\x1b[" in platform.run("logs", "second", FORCE_COLOR="1").stdout
    later = platform.run("logs", "second", "--since", found[-1]["time"], "--json").stdout.splitlines()
    assert [json.loads(line) for line in later] == [
        line for line in found if line["service"] == "second" and line["time"] >= found[-1]["time"]
    ]
    assert platform.run("logs", "--since", "0s").stdout == ""
    assert platform.run("logs", "--since", "1h").stdout.splitlines() == shown
    wrong = platform.run("logs", "--since", "yesterday")
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_following_through_a_restart_a_recreation_and_a_late_start(platform: Platform) -> None:
    platform.define(one=says("echo begin $WHICH; sleep 1000", environment={"WHICH": "old"}))
    platform.up()
    with platform.follow() as following:
        read = following.stdout.readline  # type: ignore[union-attr]
        assert read() == "one | begin old\n"
        assert platform.run("restart").returncode == 0
        assert read() == "one | begin old\n"
        platform.define(
            one=says("echo begin $WHICH; sleep 1000", environment={"WHICH": "new"}),
            late=says("echo late; sleep 1000"),
        )
        platform.up()
        assert {read(), read()} == {"one | begin new\n", "late | late\n"}
        assert platform.run("down").returncode == 0
        assert following.communicate(timeout=120) == ("", "")
    assert following.returncode == 0


def test_following_one_that_loops_shows_every_start_once(platform: Platform) -> None:
    platform.define(loop=says("echo start; sleep 0.3; echo end", restart="always"))
    platform.up("--no-wait")
    with platform.follow("--tail", "0") as following:
        lines = [next(following.stdout) for _ in range(6)]  # type: ignore[arg-type]
    start, end = "loop | start\n", "loop | end\n"
    assert lines in ([start, end] * 3, [end, start] * 3)


def test_a_long_log_passes_through_little_memory(platform: Platform) -> None:
    write = (
        "busybox yes $(busybox printf %0600d 0) | busybox head -n 100000; printf %0100000d 7; echo; echo done"
    )
    platform.define(long=says(write))
    platform.up("--no-wait")
    with platform.follow() as following:
        lines = peak = 0
        for line in following.stdout:  # type: ignore[union-attr]
            lines += line == f"long | {'0' * 600}\n"
            if lines % 10_000 == 0 and lines < 100_000:  # then it has surely not ended yet
                peak = max(peak, peak_memory(following.pid))
            if len(line) > 10_000:
                assert line == f"long | {'0' * 99_999}7\n"
        following.wait()
    assert (following.returncode, lines) == (0, 100_000)
    assert line == "long | done\n"
    assert 0 < peak < 90 * 1024


def peak_memory(process: int) -> int:
    """KiB. What `wait4` tells has in it the memory of the process that began it."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])  # type: ignore[index]


def test_a_reader_that_leaves_early_is_no_error(platform: Platform) -> None:
    platform.define(one=says("while echo more; do sleep 0.01; done"))
    platform.up()
    with platform.follow() as following:
        assert following.stdout.readline() == "one | more\n"  # type: ignore[union-attr]
        following.stdout.close()  # type: ignore[union-attr]
        assert following.wait(timeout=120) == 0
        assert following.stderr.read() == ""  # type: ignore[union-attr]
