"""Hooks of a platform: what they get, what becomes of their output, and that all of them ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dataops_cli.deploy import hooks
from dataops_cli.deploy.hooks import run_hook
from dataops_cli.errors import DataopsError
from support import ROOT, clean_environment

VARIABLES = {"DATAOPS_RELEASE": "abc123", "DATAOPS_REASON": 'it\'s "quoted" & spaced'}


def hook(folder: Path, text: str, name: str = "pre-deploy", mode: int = 0o755) -> Path:
    path = folder / "environments" / "hooks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def run(folder: Path, timeout: float = 120) -> list[str]:
    lines: list[str] = []
    run_hook(folder, "pre-deploy", VARIABLES, on_line=lines.append, timeout=timeout)
    return lines


def failed(folder: Path, timeout: float = 120) -> DataopsError:
    with pytest.raises(DataopsError) as error:
        run(folder, timeout)
    return error.value


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ended(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not lives(pid)


def test_where_there_is_none_nothing_happens(tmp_path: Path) -> None:
    assert run(tmp_path) == []


def test_it_runs_in_the_platform_s_root_with_the_facts_and_without_our_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a platform's folder"
    monkeypatch.setenv("DATAOPS_SECRETS__POSTGRES_PASSWORD", "hush")
    monkeypatch.setenv("DATAOPS_WAREHOUSE__PASSWORD", "hush")
    monkeypatch.setenv("DATAOPS_DBT__THREADS", "3")
    hook(folder, "#!/bin/sh\npwd\necho $DATAOPS_RELEASE, $DATAOPS_REASON, $DATAOPS_DBT__THREADS\nenv >&2\n")
    lines = run(folder)
    assert lines[:2] == [str(folder), 'abc123, it\'s "quoted" & spaced, 3']
    assert not any("hush" in line or "PASSWORD" in line for line in lines)


def test_output_comes_line_by_line_while_it_runs(tmp_path: Path) -> None:
    """The hook does not end before its first line has come."""
    hook(tmp_path, "#!/bin/sh\necho one\nuntil test -e come; do sleep 0.05; done\nprintf 'tw\\377o'\n")
    lines: list[str] = []

    def take(line: str) -> None:
        lines.append(line)
        (tmp_path / "come").touch()

    run_hook(tmp_path, "pre-deploy", {}, on_line=take, timeout=120)
    assert lines == ["one", "tw�o"]


def test_one_that_fails_is_named_with_its_code_and_last_lines(tmp_path: Path) -> None:
    hook(tmp_path, "#!/bin/sh\nfor n in $(seq 30); do echo line $n; done\nexit 7\n")
    error = failed(tmp_path)
    assert (error.exit_code, error.reason) == (
        1,
        "The hook environments/hooks/pre-deploy failed with exit code 7",
    )
    assert error.details == tuple(f"line {number}" for number in range(11, 31))
    hook(tmp_path, "#!/bin/sh\nkill -9 $$\n")
    assert failed(tmp_path).reason == "The hook environments/hooks/pre-deploy was ended by SIGKILL"


def test_one_that_cannot_be_run_is_said(tmp_path: Path) -> None:
    hook(tmp_path, "#!/bin/sh\n", mode=0o644)
    error = failed(tmp_path)
    assert (error.exit_code, error.reason, error.hint) == (
        2,
        "The hook environments/hooks/pre-deploy is not executable",
        "Make it so: chmod +x environments/hooks/pre-deploy; or take it away",
    )
    hook(tmp_path, "no first line\n")
    assert failed(tmp_path).reason == (
        "The hook environments/hooks/pre-deploy cannot be run: Exec format error"
    )
    hook(tmp_path, "#!/no/such/thing\n")
    assert "No such file" in failed(tmp_path).reason


def test_one_that_takes_too_long_ends_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "GRACE", 0.5)
    hook(tmp_path, "#!/bin/sh\ntrap '' TERM\nsleep 600 &\necho $!\nwait\nsleep 600\n")
    began = time.monotonic()
    error = failed(tmp_path, timeout=3)
    assert time.monotonic() - began < 60
    assert error.reason == "The hook environments/hooks/pre-deploy took longer than 3 s, and was ended"
    assert ended(int(error.details[0]))


def test_what_it_leaves_running_ends_with_it(tmp_path: Path) -> None:
    hook(tmp_path, "#!/bin/sh\nsleep 600 &\necho $!\n")
    began = time.monotonic()
    (pid,) = run(tmp_path)
    assert time.monotonic() - began < 60
    assert ended(int(pid))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_all_of_it(tmp_path: Path, number: signal.Signals) -> None:
    hook(tmp_path, "#!/bin/sh\nsleep 600 &\necho $! $$\nwait\n")
    program = (
        "import signal, sys; from pathlib import Path; from dataops_cli.__main__ import _as_interrupt\n"
        "from dataops_cli.deploy.hooks import run_hook\n"
        "signal.signal(signal.SIGTERM, _as_interrupt)\n"
        "run_hook(Path(sys.argv[1]), 'pre-deploy', {}, on_line=lambda line: print(line, flush=True), timeout=60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        env=clean_environment(PYTHONPATH=str(ROOT / "src")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    pids = [int(word) for word in process.stdout.readline().split()]
    assert all(lives(pid) for pid in pids)
    os.kill(process.pid, number)
    process.communicate(timeout=120)
    assert all(ended(pid) for pid in pids)


def test_ctrl_c_in_the_moment_in_which_it_begins_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook(tmp_path, "#!/bin/sh\nexec sleep 600\n")
    begin, begun = subprocess.Popen, []

    def interrupted(*arguments: Any, **options: Any) -> Any:
        begun.append(begin(*arguments, **options))
        os.kill(os.getpid(), signal.SIGINT)
        return begun[0]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
        assert begun[0].poll() is not None
    finally:
        begun[0].kill()
        begun[0].wait()
