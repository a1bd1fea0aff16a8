"""Snapshots of an embedded warehouse: taken beside runs, published again as a new generation, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import duckdb
import pytest

from dataops_cli.errors import DataopsError
from dataops_cli.warehouse import backup
from dataops_cli.warehouse.embedded import EmbeddedWarehouse
from dataops_cli.warehouse.generation import Generation
from dataops_cli.warehouse.interface import Relation
from dataops_cli.warehouse.lock import hold


@pytest.fixture
def warehouse(tmp_path: Path) -> EmbeddedWarehouse:
    home = tmp_path / 'it\'s a "home" dir'
    home.mkdir()
    load(EmbeddedWarehouse(home), 1)
    return EmbeddedWarehouse(home)


def load(warehouse: EmbeddedWarehouse, orders: int) -> None:
    with warehouse.loading("a load") as staged:
        with duckdb.connect(str(staged)) as connection:
            connection.execute(f"create table orders as select * from range({orders}) t(id)")
        warehouse.replace_source(staged)


def publish(warehouse: EmbeddedWarehouse, value: int) -> Generation:
    with hold(warehouse.home, "test") as lease:
        warehouse.recover()
        candidate = warehouse.begin(f"20260101T000000-{lease.number}", from_published=False)
        with duckdb.connect(str(candidate.path)) as connection:
            connection.execute(f"create schema gold; create table gold.t as select {value} as value")
        rows = candidate.finish([Relation("t", "gold", "t", is_view=False, rebuilt=True)])
        made = Generation(
            candidate.run_id, lease.number, "abc", "2014-06-30", rows, "2026-01-01T00:00:00+00:00"
        )
        warehouse.publish(candidate, made, lease)
    return made


def read(warehouse: EmbeddedWarehouse) -> tuple[int, int]:
    """The published value, and the source's rows."""
    with warehouse.connect() as connection:
        value = connection.execute("select value from gold.t").fetchone()
        orders = connection.execute('select count(*) from "AdventureWorks2014".orders').fetchone()
    return value[0], orders[0]


def bring(warehouse: EmbeddedWarehouse, stored: Path, name: str) -> None:
    """As a restore copies the files into the container."""
    shutil.copytree(stored, backup.snapshot_folder(warehouse, name))


def restore(warehouse: EmbeddedWarehouse, name: str, generation: Generation) -> Generation:
    with warehouse.hold("a restore") as lease:
        return backup.publish(warehouse, name, generation, "a restore", lease)


def test_a_snapshot_is_published_again(warehouse: EmbeddedWarehouse, tmp_path: Path) -> None:
    first = publish(warehouse, 1)
    taken = backup.take(warehouse, "x")
    assert taken is not None
    assert taken.generation.run_id == first.run_id
    folder = backup.snapshot_folder(warehouse, "x")
    assert [(file.name, file.bytes, file.sha256) for file in taken.files] == [
        (path.name, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in (folder / "source.duckdb", folder / "warehouse.duckdb")
    ]
    shutil.copytree(folder, tmp_path / "stored")
    shutil.rmtree(folder.parent)

    load(warehouse, 5)
    second = publish(warehouse, 2)
    assert read(warehouse) == (2, 5)
    with warehouse.connect() as reader:
        bring(warehouse, tmp_path / "stored", "x")
        again = restore(warehouse, "x", taken.generation)
        assert reader.execute("select value from gold.t").fetchone() == (2,)
    assert read(warehouse) == (1, 1)
    current = warehouse.published()
    assert current is not None
    assert (current.run_id, current.rows, current.release, current.as_of_date) == (
        again.run_id, {"t": 1}, "abc", "2014-06-30",
    )  # fmt: skip
    assert current.number > second.number
    assert current.published_at
    assert (
        not os.access(warehouse.home / "generations" / current.run_id / "warehouse.duckdb", os.W_OK)
        or os.getuid() == 0
    )
    # The way back.
    with warehouse.hold("test") as lease:
        warehouse.publish_again(second.run_id, lease)
    assert read(warehouse)[0] == 2
    assert publish(warehouse, 3).number > again.number


def test_nothing_published_is_no_snapshot(warehouse: EmbeddedWarehouse) -> None:
    assert backup.take(warehouse, "x") is None


def test_a_snapshot_is_taken_while_a_run_holds_the_lock_and_is_not_changed_by_it(
    warehouse: EmbeddedWarehouse,
) -> None:
    publish(warehouse, 1)
    with warehouse.hold("a run"):
        taken = backup.take(warehouse, "x")
    assert taken is not None
    load(warehouse, 9)
    publish(warehouse, 2)
    warehouse.remove_generation(taken.generation.run_id)
    assert read(EmbeddedWarehouse(backup.snapshot_folder(warehouse, "x"))) == (1, 1)
    assert taken.files == tuple(
        backup._file(path) for path in sorted(backup.snapshot_folder(warehouse, "x").iterdir())
    )


def test_a_generation_that_is_removed_meanwhile_is_not_missed(
    warehouse: EmbeddedWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(warehouse, 1)
    hold_file = backup._hold

    def late(file: Path, held: Path) -> None:
        if first.run_id in str(file):
            publish(warehouse, 2)
            warehouse.remove_generation(first.run_id)
        hold_file(file, held)

    monkeypatch.setattr(backup, "_hold", late)
    taken = backup.take(warehouse, "x")
    assert taken is not None
    assert taken.generation.run_id != first.run_id
    assert read(EmbeddedWarehouse(backup.snapshot_folder(warehouse, "x")))[0] == 2


def test_a_file_that_duckdb_does_not_open_is_not_published(
    warehouse: EmbeddedWarehouse, tmp_path: Path
) -> None:
    generation = publish(warehouse, 1)
    folder = backup.snapshot_folder(warehouse, "x")
    folder.mkdir(parents=True)
    (folder / "warehouse.duckdb").write_bytes(b"no database" * 1000)
    (folder / "source.duckdb").write_bytes(b"")
    with pytest.raises(DataopsError, match="Cannot open"):
        restore(warehouse, "x", generation)
    assert read(warehouse) == (1, 1)


@pytest.mark.parametrize("step", ["loading", "replace_source", "publish", "_switch"])
def test_a_restore_that_is_cut_off_is_done_by_the_next(
    warehouse: EmbeddedWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    publish(warehouse, 1)
    taken = backup.take(warehouse, "x")
    assert taken is not None
    shutil.copytree(backup.snapshot_folder(warehouse, "x"), tmp_path / "stored")
    load(warehouse, 5)
    publish(warehouse, 2)

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedWarehouse, step, killed)
        with pytest.raises(Killed):
            restore(warehouse, "x", taken.generation)
    assert read(warehouse)[0] == 2
    shutil.rmtree(backup.snapshot_folder(warehouse, "x"), ignore_errors=True)
    bring(warehouse, tmp_path / "stored", "x")
    restore(warehouse, "x", taken.generation)
    assert read(warehouse) == (1, 1)
    assert len(warehouse.generations()) == 3
