"""Signals around code that swallows them, or that cannot be left in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli import __main__ as program
from dataops_cli.ci.dbt_code_tests import run_code_tests
from dataops_cli.cli import sql
from dataops_cli.dbt.results import NodeResult
from dataops_cli.dbt.session import DbtSession
from dataops_cli.interrupts import SIGNALS, Terminated, interrupts_held, interrupts_kept
from dataops_cli.pipeline.execution import Execution
from dataops_cli.processes import call
from support import clean_environment, killed_after, until

Block = Callable[[], AbstractContextManager[None]]


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """As a command has them, and as they were afterwards."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    now = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    assert {number: signal.getsignal(number) for number in SIGNALS} == now
    for number, handler in before.items():
        signal.signal(number, handler)


def ask(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_held_is_heard_after_the_block(number: int) -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), interrupts_held():  # noqa: PT012
        ask(number)
        ask(number)
        done.append("all of it")
    assert done == ["all of it"]


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_kept_is_heard_at_once_and_again_at_the_end(number: int) -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), interrupts_kept():  # noqa: PT012
        with suppress(KeyboardInterrupt):
            ask(number)
            done.append("not reached")
        done.append("swallowed")
    assert done == ["swallowed"]


@pytest.mark.parametrize("block", [interrupts_held, interrupts_kept])
def test_an_interrupt_comes_before_what_was_made_of_it(block: Block) -> None:
    with pytest.raises(KeyboardInterrupt), block():  # noqa: PT012
        with suppress(KeyboardInterrupt):
            ask()
        raise RuntimeError("cut short")


@pytest.mark.parametrize("block", [interrupts_held, interrupts_kept])
def test_without_a_signal_an_error_is_itself(block: Block) -> None:
    with pytest.raises(RuntimeError, match="its own"), block():
        raise RuntimeError("its own")


@pytest.mark.parametrize("block", [interrupts_held, interrupts_kept])
def test_what_is_ignored_stays_ignored(block: Block) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with block():
        ask(signal.SIGHUP)
    assert signal.signal(signal.SIGHUP, before) is signal.SIG_IGN


@pytest.mark.parametrize("block", [interrupts_held, interrupts_kept])
def test_another_thread_hears_no_signals(block: Block) -> None:
    done: list[str] = []

    def work() -> None:
        with block():
            done.append("all of it")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["all of it"]


def test_a_handler_that_puts_another_in_its_place_keeps_it() -> None:
    def once(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGHUP, once)
    with pytest.raises(KeyboardInterrupt), interrupts_kept():
        ask(signal.SIGHUP)
    assert signal.signal(signal.SIGHUP, before) is signal.SIG_IGN


def test_a_handler_that_says_nothing_interrupts_nothing() -> None:
    before = signal.signal(signal.SIGHUP, lambda _number, _frame: None)
    with interrupts_kept():
        ask(signal.SIGHUP)
    signal.signal(signal.SIGHUP, before)


def test_an_interrupt_while_the_handlers_are_put_back_leaves_none_without_effect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def put_back(number: int, handler: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patched, interrupts_held():
        patched.setattr(signal, "signal", put_back)
    with pytest.raises(KeyboardInterrupt):
        ask(signal.SIGTERM)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("call", [lambda dbt: dbt.parse(), lambda dbt: dbt.passthrough(["--version"])])
def test_an_interrupt_that_dbt_swallows_is_none_of_its_outcomes(
    call: Callable[[DbtSession], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dbt.cli.main import dbtRunner, dbtRunnerResult

    def invoke(*_: object) -> dbtRunnerResult:
        with suppress(KeyboardInterrupt):  # as its decoders do
            ask()
        return dbtRunnerResult(success=True)

    monkeypatch.setattr(dbtRunner, "invoke", invoke)
    with pytest.raises(KeyboardInterrupt):
        call(DbtSession(tmp_path, tmp_path / "target", tmp_path / "logs", {}))


def test_a_wish_that_comes_twice_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([100.0, 100.5, 102.0])
    monkeypatch.setattr(program, "_terminated_at", 0.0)
    monkeypatch.setattr(program.time, "monotonic", lambda: next(moments))
    with pytest.raises(Terminated):
        program._as_interrupt(signal.SIGTERM, None)
    program._as_interrupt(signal.SIGTERM, None)
    with pytest.raises(Terminated):
        program._as_interrupt(signal.SIGTERM, None)


def test_a_prompt_is_left_where_nobody_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    console: Any = SimpleNamespace(progress=lambda _line: None)
    asked: list[str] = []

    def answers(*outcomes: type[BaseException]) -> None:
        left = iter(outcomes)

        def ask_user(_prompt: str) -> str:
            asked.append("again")
            raise next(left)

        monkeypatch.setattr("builtins.input", ask_user)

    answers(KeyboardInterrupt, EOFError)
    sql._prompt(console, lambda _text: None, console)
    assert len(asked) == 2
    answers(Terminated)
    with pytest.raises(Terminated):
        sql._prompt(console, lambda _text: None, console)


# A command that calls another, which has something to put back.
CALLED = """
import signal, sys, time
from dataops_cli.__main__ import _as_interrupt
signal.signal(signal.SIGTERM, _as_interrupt)
try:
    print("begun", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(1)
    print("put back", flush=True)
    sys.exit(130)
"""
CALLING = """
import signal, sys
from dataops_cli.__main__ import _as_interrupt
from dataops_cli.processes import call
signal.signal(signal.SIGTERM, _as_interrupt)
try:
    call([sys.executable, "-c", sys.argv[1]])
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@contextmanager
def calling() -> Iterator[subprocess.Popen[str]]:
    """A command that has called another; at the end both have come to theirs, in that order."""
    process = subprocess.Popen(
        [sys.executable, "-c", CALLING, CALLED],
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environment(),
        start_new_session=True,
    )
    with killed_after(process):
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        yield process
        assert process.communicate()[0] == "put back\ninterrupted\n"


@pytest.mark.parametrize("of_a_terminal", [True, False], ids=["Ctrl-C", "SIGTERM"])
def test_a_command_that_is_called_gets_to_its_own_end(of_a_terminal: bool) -> None:
    with calling() as process:
        if of_a_terminal:
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        else:
            process.terminate()


def test_a_called_command_that_heard_no_ctrl_c_is_ended_by_the_third() -> None:
    with calling() as process:

        def ask_once_more() -> bool:
            process.send_signal(signal.SIGINT)  # to it alone
            return process.poll() is not None

        until(ask_once_more)


def test_a_call_that_takes_too_long_is_killed() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        call([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)


class Artifact:
    """Of dbt, which swallows an interrupt while it is written."""

    def write(self, _path: str) -> None:
        with suppress(KeyboardInterrupt):
            ask()


class Session(DbtSession):
    def _invoke(self, *_: object, **__: object) -> Any:
        return Artifact()

    def build(self, *_: object, **__: object) -> tuple[list[NodeResult], Any]:
        return [], Artifact()

    unit_tests = build


def build_layer(session: Session) -> None:
    run: Any = SimpleNamespace(
        session=session,
        options=SimpleNamespace(fail_fast=False),
        record=SimpleNamespace(folder=session.logs),
        _threads=1,
    )
    layer: Any = SimpleNamespace(layer="gold")
    Execution._run_dbt(run, [], layer)


def run_tests_of_code(session: Session) -> None:
    settings = SimpleNamespace(dbt=SimpleNamespace(threads=1))
    side: Any = SimpleNamespace(
        artifacts=session.logs,
        environment=SimpleNamespace(settings=settings),
        session=session,
        pipeline=SimpleNamespace(session=lambda *_: session),
        copy=lambda _name: SimpleNamespace(dbt_environment=dict),
        graph=SimpleNamespace(tests=list),
    )
    run_code_tests(side, None, side)


@pytest.mark.parametrize(
    "call", [Session.parse, lambda dbt: dbt.docs(dbt.logs), build_layer, run_tests_of_code]
)
def test_an_interrupt_while_an_artifact_is_written_is_heard(
    call: Callable[[Session], object], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        call(Session(tmp_path, tmp_path / "target", tmp_path / "logs", {}))
