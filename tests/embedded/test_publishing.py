"""The embedded warehouse: one rename publishes, a kill at any moment loses nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.files import STATE_VERSION, read_state, write_state
from dataops_cli.warehouse.embedded import Candidate, EmbeddedWarehouse
from dataops_cli.warehouse.generation import Generation
from dataops_cli.warehouse.interface import Relation
from dataops_cli.warehouse.lock import FileLease, hold


@pytest.fixture
def warehouse(tmp_path: Path) -> EmbeddedWarehouse:
    home = tmp_path / 'it\'s a "home" dir'
    home.mkdir()
    with duckdb.connect(str(home / "source.duckdb")) as connection:
        connection.execute("create table orders as select 1 as id")
    return EmbeddedWarehouse(home)


def build(warehouse: EmbeddedWarehouse, value: int, lease: FileLease) -> tuple[Candidate, Generation]:
    candidate = warehouse.begin(f"run-{lease.number}", from_published=False)
    with duckdb.connect(str(candidate.path)) as connection:
        connection.execute(f"create schema gold; create table gold.t as select {value} as value")
    rows = candidate.finish([Relation("t", "gold", "t", is_view=False, rebuilt=True)])
    return candidate, Generation(
        candidate.run_id, lease.number, None, None, rows, "2026-01-01T00:00:00+00:00"
    )


def publish(warehouse: EmbeddedWarehouse, value: int) -> Generation:
    with hold(warehouse.home, "test") as lease:
        warehouse.recover()
        candidate, generation = build(warehouse, value, lease)
        warehouse.publish(candidate, generation, lease)
    return generation


def published_value(warehouse: EmbeddedWarehouse) -> int:
    with warehouse.connect() as connection:
        row = connection.execute("select value from gold.t").fetchone()
    assert row is not None
    return int(row[0])


def test_publishing_replaces_what_consumers_read(warehouse: EmbeddedWarehouse) -> None:
    publish(warehouse, 1)
    publish(warehouse, 2)
    assert published_value(warehouse) == 2
    current = warehouse.published()
    assert current is not None
    assert current.run_id == "run-2"
    assert current.rows == {"t": 1}
    assert [item.run_id for item in warehouse.generations()] == ["run-2", "run-1"]


def test_a_reader_keeps_the_rows_it_opened(warehouse: EmbeddedWarehouse) -> None:
    publish(warehouse, 1)
    with warehouse.connect() as reader:
        publish(warehouse, 2)
        with hold(warehouse.home, "test"):
            warehouse.remove_generation("run-1")
        assert reader.execute("select value from gold.t").fetchone() == (1,)
    assert published_value(warehouse) == 2


def test_the_published_file_is_read_only_and_stands_alone(warehouse: EmbeddedWarehouse) -> None:
    publish(warehouse, 1)
    folder = warehouse.link.resolve().parent
    assert (folder / "warehouse.duckdb").stat().st_mode & 0o222 == 0
    assert sorted(path.name for path in folder.iterdir()) == ["generation.json", "warehouse.duckdb"]


def test_an_earlier_generation_comes_back(warehouse: EmbeddedWarehouse) -> None:
    publish(warehouse, 1)
    publish(warehouse, 2)
    with hold(warehouse.home, "test") as lease:
        assert warehouse.publish_again("run-1", lease).run_id == "run-1"
    assert published_value(warehouse) == 1
    publish(warehouse, 3)
    assert published_value(warehouse) == 3
    assert len(warehouse.generations()) == 3


def test_a_generation_that_is_not_kept_is_refused(warehouse: EmbeddedWarehouse) -> None:
    publish(warehouse, 1)
    with hold(warehouse.home, "test") as lease, pytest.raises(DataopsError) as caught:
        warehouse.publish_again("../run-1", lease)
    assert caught.value.exit_code is ExitCode.REFUSED
    assert caught.value.hint == "Kept are: run-1"


MOMENTS = ["write_state", "chmod", "rename", "symlink_to", "replace", "_record"]


def at_moment(monkeypatch: pytest.MonkeyPatch, moment: str, when: str, act: Callable[[], None]) -> None:
    owner: object = Path if hasattr(Path, moment) else EmbeddedWarehouse
    if moment == "write_state":
        import dataops_cli.warehouse.embedded as owner
    original = getattr(owner, moment)

    def acting(*arguments: object, **named: object) -> object:
        if when == "before":
            act()
        result = original(*arguments, **named)
        if when == "after":
            act()
        return result

    monkeypatch.setattr(owner, moment, acting)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_step_of_publishing_leaves_old_or_new(
    warehouse: EmbeddedWarehouse, monkeypatch: pytest.MonkeyPatch, moment: str, when: str
) -> None:
    class Crash(BaseException):
        pass

    def crash() -> None:
        raise Crash

    publish(warehouse, 1)
    with hold(warehouse.home, "test") as lease:
        candidate, generation = build(warehouse, 2, lease)
        at_moment(monkeypatch, moment, when, crash)
        with pytest.raises(Crash):
            warehouse.publish(candidate, generation, lease)
        monkeypatch.undo()
    now = published_value(warehouse)
    assert now in (1, 2)
    with hold(warehouse.home, "test"):
        warehouse.recover()
    assert published_value(warehouse) == now
    assert {item.run_id for item in warehouse.generations()} == (
        {"run-1"} if now == 1 else {"run-1", "run-2"}
    )
    assert all(item.published_at for item in warehouse.generations())
    publish(warehouse, 3)
    assert published_value(warehouse) == 3


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_at_any_step_of_publishing_loses_no_tested_build(
    warehouse: EmbeddedWarehouse, monkeypatch: pytest.MonkeyPatch, moment: str, when: str
) -> None:
    with hold(warehouse.home, "test") as lease:
        candidate, generation = build(warehouse, 1, lease)
        at_moment(monkeypatch, moment, when, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            warehouse.publish(candidate, generation, lease)
        monkeypatch.undo()
        now, left = warehouse.published(), warehouse.left_aside()
        assert (now is None) != (left is None)
        warehouse.recover()
        assert (warehouse.published() is None) == (now is None)


def test_a_lock_that_has_passed_on_publishes_nothing(warehouse: EmbeddedWarehouse) -> None:
    publish(warehouse, 1)
    with hold(warehouse.home, "test") as lease:
        candidate, generation = build(warehouse, 2, lease)
        write_state(warehouse.home / "lock.json", {"number": lease.number + 1})
        with pytest.raises(DataopsError) as caught:
            warehouse.publish(candidate, generation, lease)
    assert caught.value.exit_code is ExitCode.LOCKED
    assert published_value(warehouse) == 1


def test_a_candidate_keeps_the_source_it_froze(warehouse: EmbeddedWarehouse) -> None:
    candidate = warehouse.begin("run-1", from_published=False)
    assert warehouse.source_is_that_of(candidate)
    with warehouse.loading("test") as staged:
        with duckdb.connect(str(staged)) as connection:
            connection.execute("create table orders as select 2 as id")
        warehouse.replace_source(staged)
    assert not warehouse.source_is_that_of(candidate)
    with duckdb.connect(str(candidate.source), read_only=True) as connection:
        assert connection.execute("select id from orders").fetchone() == (1,)


def test_what_a_killed_load_left_is_removed(warehouse: EmbeddedWarehouse) -> None:
    with warehouse.loading("test") as staged:
        staged.write_text("half")
        (staged.parent / "spill").mkdir()
    with warehouse.loading("test") as staged:
        assert sorted(path.name for path in staged.parent.iterdir()) == ["lock", "lock.json"]


def test_nothing_published_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(DataopsError, match="Nothing has been published yet") as caught,
        EmbeddedWarehouse(tmp_path).connect(),
    ):
        pass
    assert caught.value.exit_code is ExitCode.UNAVAILABLE


def test_numbers_order_generations_whatever_the_clock_says(warehouse: EmbeddedWarehouse) -> None:
    for value in range(1, 4):
        publish(warehouse, value)
    times = [item.built_at for item in warehouse.generations()]
    assert len(set(times)) == 1
    assert [item.number for item in warehouse.generations()] == [3, 2, 1]


def test_newer_state_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_state(path, {"a": 1})
    assert read_state(path) == {"version": STATE_VERSION, "a": 1}
    path.write_text(f'{{"version": {STATE_VERSION + 1}}}')
    with pytest.raises(DataopsError, match="was written by a newer dataops") as caught:
        read_state(path)
    assert caught.value.exit_code is ExitCode.REFUSED


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "null"])
def test_damaged_state_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(DataopsError, match="is damaged"):
        read_state(path)


def test_a_full_disk_is_said_and_the_old_state_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    write_state(path, {"a": 1})

    def full(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataopsError, match="No space left on device") as caught:
        write_state(path, {"a": 2})
    assert caught.value.exit_code is ExitCode.UNAVAILABLE
    assert read_state(path) == {"version": STATE_VERSION, "a": 1}
    assert [item.name for item in tmp_path.iterdir()] == ["state.json"]
