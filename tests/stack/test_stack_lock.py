"""Who holds the lock, as told and as judged, without an engine."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.docker_api import EngineError
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.stack.engine_clock import engine_time
from dataops_cli.stack.lock import StackLease, changing, held_by, hold_by_hand, locked, release
from dataops_cli.stack.lock_holder import (
    Holder,
    Liveness,
    as_labels,
    last_heartbeat,
    own_facts,
)
from dataops_cli.threads import in_thread

ELSEWHERE = {
    "command": "dataops down",
    "reason": "",
    "user": "ada",
    "host": "elsewhere",
    "processes": "pid:[1]",
    "pid": "7",
    "started": "boot 1",
    "since": "2026-01-31T10:00:00+00:00",
}


class Containers:
    """An engine that has nothing but containers that never start."""

    def __init__(self) -> None:
        self.there: dict[str, dict[str, Any]] = {}
        self.made = 0
        self.log = b""
        self.now = "2026-01-31T10:00:00.000000000Z"

    def create(self, name: str, config: dict[str, Any]) -> str:
        if name in self.there:
            raise refused(409)
        self.put(name, "created", config["Labels"])
        return str(self.there[name]["Id"])

    def put(self, name: str, status: str, labels: dict[str, str]) -> None:
        self.made += 1
        self.there[name] = {
            "Id": f"id-{self.made}",
            "Config": {"Labels": labels},
            "State": {"Status": status},
        }

    def inspect(self, name: str) -> dict[str, Any]:
        for known, item in self.there.items():
            if name in (known, item["Id"]):
                return item
        raise refused(404)

    def remove(self, name: str) -> None:
        self.inspect(name)
        self.there = {key: item for key, item in self.there.items() if item["Id"] != name}

    def containers(self, *_labels: str) -> list[Any]:
        return []

    def logs(self, _container: str, *, tail: int) -> bytes:
        return self.log

    def info(self) -> dict[str, Any]:
        return {"SystemTime": self.now}

    def require_reachable(self) -> None:
        pass


def refused(status: int) -> EngineError:
    return EngineError("no", hint="", exit_code=ExitCode.FAILED, status=status)


@pytest.fixture
def engine() -> Any:
    return Containers()


def test_a_holder_is_told_with_everything_that_is_known() -> None:
    assert str(Holder("id", {**ELSEWHERE, "reason": "a new release"}, "running", 2.6)) == (
        "`dataops down` (pid 7 of ada on elsewhere, since 2026-01-31T10:00:00+00:00, last heard of 3 s ago): "
        "a new release"
    )
    assert str(Holder("id", ELSEWHERE, "created")) == (
        "`dataops down` (pid 7 of ada on elsewhere, since 2026-01-31T10:00:00+00:00)"
    )
    assert str(Holder("id", {}, "created")) == "another command"


def test_what_is_said_where_the_lock_is_held() -> None:
    error = locked(Holder("id", ELSEWHERE, "created"))
    assert (error.exit_code, error.reason, error.hint) == (
        4,
        "The stack is being changed by `dataops down` (pid 7 of ada on elsewhere, since 2026-01-31T10:00:00+00:00)",
        "Wait until it has ended. If it has, and left its lock behind: dataops lock release",
    )
    by_hand = locked(Holder("id", {**ELSEWHERE, "reason": 'the "big" move', "by-hand": "true"}, "created"))
    assert (by_hand.exit_code, by_hand.reason, by_hand.hint) == (
        4,
        'The stack is locked by ada on elsewhere, since 2026-01-31T10:00:00+00:00: the "big" move',
        "Ask them. When nothing speaks against it any more: dataops lock release",
    )


@pytest.mark.parametrize(
    ("status", "heard", "expected"),
    [
        ("running", 3.0, Liveness.ALIVE),
        ("running", None, Liveness.ALIVE),  # it has just started
        ("running", 300.0, Liveness.UNKNOWN),
        ("created", None, Liveness.UNKNOWN),
        ("exited", None, Liveness.GONE),
        ("removing", None, Liveness.GONE),
        ("dead", None, Liveness.GONE),
    ],
)
def test_a_holder_elsewhere_is_judged_by_its_container(
    status: str, heard: float | None, expected: Liveness
) -> None:
    assert Holder("id", ELSEWHERE, status, heard).liveness is expected


def test_a_holder_on_this_machine_is_judged_by_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = own_facts("a test", "")
    assert Holder("id", mine, "created").liveness is Liveness.ALIVE
    boot = mine["started"].split()[0]
    assert Holder("id", {**mine, "started": f"{boot} 1"}, "created").liveness is Liveness.GONE
    assert Holder("id", {**mine, "started": f"{boot} 1"}, "running", 1.0).liveness is Liveness.GONE
    # Another machine of the same name, or this one before it was started anew: who could tell?
    assert Holder("id", {**mine, "started": "other 1"}, "created").liveness is Liveness.UNKNOWN
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    assert Holder("id", {**mine, "started": f"{boot} 1"}, "created").liveness is Liveness.UNKNOWN


def test_a_lock_taken_by_hand_is_kept_whoever_ends() -> None:
    facts = {**own_facts("a test", "a move"), "pid": "1", "by-hand": "true"}
    assert Holder("id", facts, "created").liveness is Liveness.KEPT


def test_a_heartbeat_s_age_is_by_the_engine_s_clock_alone(engine: Any) -> None:
    assert last_heartbeat(engine, "id") is None
    engine.log = b"1999-12-31T23:59:58.500000000Z alive\n"
    engine.now = "2000-01-01T01:00:00.000000000+01:00"
    assert last_heartbeat(engine, "id") == 1.5
    engine.now = "1999-12-31T23:59:58Z"  # the line was written while it was asked
    assert last_heartbeat(engine, "id") == 0
    engine.log = b"configured logging driver does not support reading\n"
    assert last_heartbeat(engine, "id") is None


@given(
    st.datetimes(min_value=datetime(2000, 1, 1)),
    st.integers(min_value=-14 * 60, max_value=14 * 60),
    st.integers(min_value=0, max_value=999),
)
def test_an_engine_s_time_is_read_to_the_microsecond(time: datetime, minutes: int, nanoseconds: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    stamp = time.replace(tzinfo=zone)
    offset = stamp.strftime("%z")
    text = f"{time:%Y-%m-%dT%H:%M:%S.%f}{nanoseconds:03}{offset[:3]}:{offset[3:]}"
    assert engine_time(text) == stamp
    assert engine_time(f"{time:%Y-%m-%dT%H:%M:%S.%f}{nanoseconds:03}Z") == time.replace(tzinfo=UTC)


@given(st.text())
def test_what_is_no_time_is_none(text: str) -> None:
    found = engine_time(text)
    assert found is None or found.tzinfo is not None


def test_the_lock_is_held_in_the_block_and_its_holder_can_be_seen(engine: Any) -> None:
    with changing(engine, "p", "dataops up", reason="a try") as lock:
        assert held_by(engine, "p") is None
        lease = lock()
        assert lock() is lease
        lease.check()
        holder = held_by(engine, "p")
        assert holder is not None
        assert holder.facts["command"] == "dataops up"
        assert holder.facts["reason"] == "a try"
        assert holder.facts["pid"] == str(os.getpid())
        with (
            pytest.raises(DataopsError, match=r"being changed by `dataops up`.*: a try$") as error,
            changing(engine, "p", "b") as other,
        ):
            other()
        assert error.value.exit_code == ExitCode.LOCKED
    assert held_by(engine, "p") is None


def test_ctrl_c_in_the_moment_in_which_the_lock_is_taken_leaves_none(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(call: Callable[[], Any], name: str) -> Future[Any]:
        future = in_thread(call, name)
        assert future.result() is not None
        os.kill(os.getpid(), signal.SIGINT)
        return future

    monkeypatch.setattr("dataops_cli.stack.lock.in_thread", interrupted)
    with pytest.raises(DataopsError, match="Interrupted"), changing(engine, "p", "dataops up") as lock:
        lock()
    assert engine.there == {}


def test_a_lease_that_was_forced_is_refused(engine: Any) -> None:
    with changing(engine, "p", "dataops up") as lock:
        lease = lock()
        with pytest.raises(DataopsError) as refusal:
            release(engine, "p", force=False)
        assert refusal.value.exit_code == ExitCode.REFUSED
        assert release(engine, "p", force=True) is not None
        hold_by_hand(engine, "p", "dataops lock acquire", "mine now")
        with pytest.raises(DataopsError, match="no longer holds the lock of the stack") as lost:
            lease.check()
        assert lost.value.exit_code == ExitCode.LOCKED
    held = held_by(engine, "p")
    assert held is not None  # the other one's lock stays
    assert held.by_hand


def test_a_container_that_has_ended_holds_nothing(engine: Any) -> None:
    engine.put("p-lock", "exited", as_labels(ELSEWHERE))
    with pytest.raises(DataopsError, match="no longer holds"):
        StackLease(engine, engine.inspect("p-lock")["Id"]).check()


def test_a_lock_taken_by_hand_stays_until_it_is_released(engine: Any) -> None:
    hold_by_hand(engine, "p", "dataops lock acquire", "a move")
    for take in (
        lambda: hold_by_hand(engine, "p", "c", "d"),
        lambda: changing(engine, "p", "c").__enter__()(),
    ):
        with pytest.raises(DataopsError, match=r"locked by .*: a move$") as error:
            take()
        assert error.value.exit_code == ExitCode.LOCKED
    released = release(engine, "p", force=False)
    assert released is not None
    assert released.facts["reason"] == "a move"
    assert release(engine, "p", force=False) is None


def test_a_lock_whose_holder_is_gone_is_taken_over_and_told(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataops_cli.stack.lock.REMOVAL", 0.1)
    engine.put("p-lock", "exited", as_labels(ELSEWHERE))
    told: list[Holder] = []
    with changing(engine, "p", "b", on_takeover=told.append) as lock:
        lock()
        assert [item.facts["user"] for item in told] == ["ada"]


def test_nobody_can_tell_of_a_holder_elsewhere_that_was_never_started(engine: Any) -> None:
    engine.put("p-lock", "created", as_labels(ELSEWHERE))
    with pytest.raises(DataopsError) as error:
        release(engine, "p", force=False)
    assert error.value.exit_code == ExitCode.REFUSED
    assert error.value.reason == (
        "The lock is not released: nobody here can tell whether it is in use by `dataops down` "
        "(pid 7 of ada on elsewhere, since 2026-01-31T10:00:00+00:00)"
    )
    assert error.value.hint == (
        "Wait until that has ended. If you are sure that it changes nothing more: dataops lock release --force"
    )


def test_a_lock_is_waited_for_and_said_once_for_whom(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.put("p-lock", "created", as_labels(ELSEWHERE))
    told: list[Holder] = []
    looks: list[int] = []

    def sleep(_seconds: float) -> None:
        looks.append(1)
        if len(looks) == 3:
            engine.there.clear()

    monkeypatch.setattr("dataops_cli.stack.lock.time.sleep", sleep)
    with changing(engine, "p", "b", wait=60, on_wait=told.append) as lock:
        lock()
    assert [item.facts["user"] for item in told] == ["ada"]
    engine.put("p-lock", "created", as_labels(ELSEWHERE))
    with (
        pytest.raises(DataopsError, match="being changed by `dataops down`"),
        changing(engine, "p", "b", wait=0.01) as lock,
    ):
        lock()


def test_an_engine_that_takes_long_to_remove_a_lock_is_waited_for(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is still taken, and nobody has it."""
    monkeypatch.setattr("dataops_cli.stack.lock.PATIENCE", 0.0)
    take, tries = engine.create, list[str]()

    def create(name: str, config: dict[str, Any]) -> str:
        tries.append(name)
        if len(tries) < 3:
            raise refused(409)
        return str(take(name, config))

    monkeypatch.setattr(engine, "create", create)
    with changing(engine, "p", "b", wait=60) as lock:
        lock()
    tries.clear()
    with pytest.raises(DataopsError, match="by another command"), changing(engine, "p", "b") as lock:
        lock()


def test_nobody_is_told_that_a_command_goes_on_where_it_stopped(engine: Any) -> None:
    """A deployment is put back, and a restore begins anew."""
    lost: list[str] = []

    def change() -> None:
        with changing(engine, "p", "dataops deploy") as lock:
            lease = lock()
            engine.there.clear()
            try:
                lease.check()
            except DataopsError as error:
                lost.append(error.hint)
            raise KeyboardInterrupt

    with pytest.raises(DataopsError) as interrupted:
        change()
    again = "un the command again: it begins with what it finds."
    assert interrupted.value.hint == f"R{again}"
    assert lost == [f"See who holds it now: dataops lock status; then r{again}"]
