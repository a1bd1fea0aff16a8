"""What goes into the dbt container and comes out of it, without an engine."""

from __future__ import annotations

import io
import os
import signal
import socket
import tarfile
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.cli.application import Application
from dataops_cli.cli.delegation import OF_AIRFLOW, forwarded, own_words
from dataops_cli.docker_api import build_context, packed_context
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import write_state
from dataops_cli.project import Project
from dataops_cli.settings.load import load_environment
from dataops_cli.settings.model import is_loopback
from dataops_cli.stack import dbt_container
from dataops_cli.stack.bring_back import unpack
from dataops_cli.stack.build_inputs import build_inputs
from dataops_cli.stack.dbt_container import DbtContainer
from dataops_cli.stack.forwarding import Forwarding
from dataops_cli.stack.model import Stack
from dataops_cli.stack.own_package import PACKAGE, files_for, own_files
from support import ROOT, until


def test_the_package_is_all_that_can_be_imported_and_nothing_else() -> None:
    names = {*own_files()}
    assert {f"dataops_cli/{path.relative_to(PACKAGE).as_posix()}" for path in PACKAGE.rglob("*.py")} <= names
    assert not [name for name in names if name.endswith(".pyc") or "/platform/" in name]


def test_a_build_that_asks_for_it_gets_the_package_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM x\n")
    (tmp_path / ".dockerignore").write_text("*.log\n")
    (tmp_path / "a.log").write_text("")
    more = files_for({"context": str(tmp_path), "args": {"DATAOPS_CLI": "here"}})
    with tarfile.open(fileobj=packed_context(tmp_path, "Dockerfile", more)) as archive:
        names = {*archive.getnames()}
        main = archive.extractfile("here/dataops_cli/__main__.py")
        assert main
        assert main.read() == (PACKAGE / "__main__.py").read_bytes()
    assert names == build_context(tmp_path, "Dockerfile") | {*more}
    assert "a.log" not in names
    assert files_for({"context": str(tmp_path), "args": {"OTHER": "here"}}) == {}
    assert files_for({"context": str(tmp_path)}) == {}


def test_a_dockerfile_s_own_ignore_file_comes_before_the_folder_s(tmp_path: Path) -> None:
    """As BuildKit has it."""
    (tmp_path / "one").mkdir()
    for name in ("one/Dockerfile", "Dockerfile", "a", "b"):
        (tmp_path / name).write_text("FROM x\n")
    (tmp_path / ".dockerignore").write_text("*\n!a\n")
    (tmp_path / "one" / "Dockerfile.dockerignore").write_text("*\n!b\n")
    assert build_context(tmp_path, "Dockerfile") >= {"a", "Dockerfile"}
    assert build_context(tmp_path, "one/Dockerfile") >= {"b", "one/Dockerfile"}
    assert "b" not in build_context(tmp_path, "Dockerfile")
    assert "a" not in build_context(tmp_path, "one/Dockerfile")


def test_another_package_is_another_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Dockerfile").write_text("FROM x\n")

    def inputs(**args: str | None) -> str:
        build = {"context": str(tmp_path), "args": args}
        stack = Stack("s", tmp_path, (), {"a": {"image": "i", "build": build}})  # type: ignore[typeddict-item]
        return build_inputs(stack)["i"]

    before = inputs(DATAOPS_CLI="x"), inputs()
    monkeypatch.setattr("dataops_cli.stack.build_inputs.own_fingerprint", lambda: "other")
    after = inputs(DATAOPS_CLI="x"), inputs()
    assert (before[0] == after[0], before[1] == after[1]) == (False, True)


@pytest.mark.parametrize(
    ("server", "own"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("localhost", True),
        ("LocalHost", True),
        ("::1", True),
        ("[::1]", True),
        ("10.0.0.1", False),
        ("db.example", False),
        ("sqlserver", False),
    ],
)
def test_a_loopback_address_is_the_stack_s_own_server(server: str, own: bool) -> None:
    assert is_loopback(server) is own


@pytest.mark.parametrize(
    ("env", "typed", "there"),
    [
        (None, "run -l gold", "--env local run -l gold"),
        ("dev", "--env dev --project-dir /p run --project-dir=/q --json", "--env dev run --json"),
        ("dev", "runs show last -e dev --project-dir /p", "runs show last -e dev"),
    ],
)
def test_the_same_command_without_this_machine_s_platform(
    monkeypatch: pytest.MonkeyPatch, env: str | None, typed: str, there: str
) -> None:
    monkeypatch.delenv("DATAOPS_ENV", raising=False)
    assert forwarded(Application(env=env), typed.split()) == there.split()


def test_a_plan_goes_there_without_what_is_about_watching_airflow() -> None:
    typed = "run --plan --no-wait -f --timeout 5m --select a --timeout=1h --unpause --env dev"
    there = "run --plan --select a --env dev"
    assert forwarded(Application(env="dev"), typed.split(), *OF_AIRFLOW) == there.split()


@pytest.mark.parametrize(
    ("typed", "dbts", "ours"),
    [
        ("dbt ls", "ls", "dbt"),
        ("--project-dir /p dbt ls --project-dir /q", "ls --project-dir /q", "--project-dir /p dbt"),
        ("dbt --version --env dev ls", "--version ls", "dbt --version --env dev"),
        ("dbt -- ls", "ls", "dbt --"),
        ("dbt", "", "dbt"),
    ],
)
def test_dbt_s_own_words_are_not_ours(typed: str, dbts: str, ours: str) -> None:
    assert own_words(typed.split(), dbts.split()) == ours.split()


def archive(*members: tuple[str, bytes, bytes]) -> tarfile.TarFile:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as writing:
        for name, kind, content in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.size, entry.mode = kind, len(content), 0o4777
            entry.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            writing.addfile(entry, io.BytesIO(content))
    buffer.seek(0)
    return tarfile.open(fileobj=buffer)


def test_plain_files_and_folders_are_unpacked_and_nothing_else(tmp_path: Path) -> None:
    unpack(
        archive(
            ("run", tarfile.DIRTYPE, b""),
            ("run/a.json", tarfile.REGTYPE, b"{}"),
            ("run/deep/b.sql", tarfile.REGTYPE, b"select 1"),
            ("run/link", tarfile.SYMTYPE, b""),
            ("run/hard", tarfile.LNKTYPE, b""),
            ("run/pipe", tarfile.FIFOTYPE, b""),
        ),
        "run",
        tmp_path / "new",
    )
    found = {path.relative_to(tmp_path / "new").as_posix(): path for path in (tmp_path / "new").rglob("*")}
    assert {*found} == {"a.json", "deep", "deep/b.sql"}
    assert found["deep/b.sql"].read_text() == "select 1"
    assert found["a.json"].stat().st_mode & 0o7111 == 0


@pytest.mark.parametrize("name", ["/etc/x", "../x", "run/../../x", "other/x", "runs", "run/a/../../../x"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataopsError, match="is not what it should be"):
        unpack(archive((name, tarfile.REGTYPE, b"x")), "run", tmp_path / "new")
    assert [*tmp_path.iterdir()] == []


def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        unpack(archive(*[("run/a", tarfile.REGTYPE, b"x")] * 2), "run", tmp_path / "new")


def test_a_command_knows_that_a_runner_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its output goes through as it is."""
    given: dict[str, str] = {}

    def run_command(*_arguments: object, environment: dict[str, str]) -> int:
        given.update(environment)
        return 0

    monkeypatch.setattr("dataops_cli.stack.dbt_container.run_command", run_command)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    environment = load_environment(Project(ROOT), "dev", {})
    nothing: Any = SimpleNamespace(id="x")
    assert DbtContainer(nothing, nothing, Project(ROOT), environment).run(["run"]) == 0
    assert given["GITHUB_ACTIONS"] == "true"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_third_signal_leaves_a_command_whose_engine_hangs(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    ours, theirs = socket.socketpair()
    asked, go_on, answered = threading.Event(), threading.Event(), threading.Event()
    calls: list[Any] = []

    def exec_(*_: object) -> tuple[int, bytes]:
        asked.set()
        go_on.wait(20)
        answered.set()
        return 0, b"1"

    def press() -> None:
        for count in (1, 2, 3):
            os.kill(os.getpid(), number)
            until(lambda count=count: len(calls[0].names) == count, pause=0.01)
            asked.wait(20)
        theirs.close()  # so that a read which nobody interrupts ends, too

    def run_command(*_: object, **__: object) -> int:
        threading.Thread(target=press).start()
        return len(ours.recv(1))

    def forwarding(*arguments: Any) -> Any:
        calls.append(Forwarding(*arguments))
        return calls[0]

    monkeypatch.setattr(dbt_container, "run_command", run_command)
    monkeypatch.setattr(dbt_container, "Forwarding", forwarding)
    environment = load_environment(Project(ROOT), "dev", {})
    engine: Any = SimpleNamespace(exec=exec_)
    container: Any = SimpleNamespace(id="x", name="dev-dbt-1")
    before = signal.getsignal(number)
    with pytest.raises(DataopsError, match="Interrupted") as error:
        DbtContainer(engine, container, Project(ROOT), environment).run(["run"])
    assert (asked.is_set(), answered.is_set()) == (True, False)
    assert error.value.exit_code == ExitCode.INTERRUPTED
    assert error.value.hint == "The command in dev-dbt-1 may go on: dataops runs"
    assert signal.getsignal(number) is before
    go_on.set()


def test_runs_that_were_brought_while_they_ran_are_brought_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [f"2026013{day}T010000-{number:04}" for day, number in enumerate((7, 8, 9, 10))]
    brought: list[str] = []

    def bring(_engine: object, _container: str, source: str, target: Path) -> None:
        brought.append(Path(source).name)
        status = "running" if brought == there[:1] else "succeeded"
        write_state(target / "run.json", {"status": status})

    monkeypatch.setattr(
        dbt_container, "names_in", lambda *_: there[: len(brought) + 1] if len(brought) < 2 else there
    )
    monkeypatch.setattr(dbt_container, "bring_back", bring)
    settings = SimpleNamespace(runs=SimpleNamespace(keep=10))
    project: Any = SimpleNamespace(state=lambda _name: tmp_path)
    environment: Any = SimpleNamespace(name="dev", settings=settings)
    engine: Any = SimpleNamespace()
    container: Any = SimpleNamespace(id="1")
    found = DbtContainer(engine, container, project, environment)
    assert found.bring_runs() == there[:1]  # it goes on
    assert found.bring_runs() == there[:2]
    assert found.bring_runs() == there[2:]
    assert found.bring_runs() == []
