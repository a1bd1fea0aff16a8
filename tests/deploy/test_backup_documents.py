"""Which backups there are, which count, and which are removed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_cli.deploy import backup as backups
from dataops_cli.deploy import backup_create, backup_restore, backup_services
from dataops_cli.deploy.backup import Backup, ServerFile, StoredFile, WarehouseCopy
from dataops_cli.deploy.backup_metadata import MetadataDatabase
from dataops_cli.deploy.journal import Journal, Kind, Outcome
from dataops_cli.docker_api import EngineError
from dataops_cli.errors import DataopsError, ExitCode

FILE = StoredFile("backup-files/a/metadata.dump", 12, "ab" * 32)
ON_SERVER = WarehouseCopy(
    "sqlserver",
    on_server=ServerFile("127.0.0.1:1433", "dataops", "/var/opt/mssql/data/x-1.bak", 4096, True),
)
IN_STATE = WarehouseCopy(
    "duckdb",
    files=(StoredFile("backup-files/a/warehouse.duckdb", 5, "cd" * 32),),
    generation={"run_id": "20261125T000000-3", "rows": {"gld": 3}},
)


def one(identity: str = "a", number: int = 1, **more: Any) -> Backup:
    values = {
        "environment": "dev",
        "project": "dataops-dev",
        "made_by": "ada@here",
        "reason": "",
        "release": None,
    }
    versions = {"postgres": "15.3", "airflow": None}
    return Backup(
        id=identity,
        number=number,
        made_at="2026-11-25T00:00:00+00:00",
        versions=versions,
        metadata=FILE,
        **values | more,
    )


@dataclass
class FakeState:
    """The state's documents, by path, as JSON made and read again."""

    paths: dict[str, dict[str, Any]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)

    def documents(self, folder: str) -> dict[str, dict[str, Any]]:
        return {
            path.split("/")[1].removesuffix(".json"): document
            for path, document in sorted(self.paths.items())
            if path.startswith(f"{folder}/")
        }

    def content(self, path: str) -> bytes | None:
        return json.dumps(self.paths[path]).encode() if path in self.paths else None

    def add(self, path: str, document: Mapping[str, Any]) -> None:
        self.paths[path] = json.loads(json.dumps({"version": 1, **document}))

    def remove(self, paths: Sequence[str]) -> None:
        self.removed += paths
        for path in paths:
            self.paths.pop(path, None)

    def put(self, backup: Backup) -> None:
        self.add(f"backups/{backup.id}.json", backup.document())
        self.add(f"backup-begun/{backup.id}.json", {})


@pytest.mark.parametrize("warehouse", [None, ON_SERVER, IN_STATE])
def test_a_document_says_all_of_a_backup(warehouse: WarehouseCopy | None) -> None:
    state, made = FakeState(), one(warehouse=warehouse)
    state.put(made)
    assert backups.backups(state) == [made]
    assert made.bytes == 12 + (warehouse.bytes if warehouse else 0)


def test_a_document_of_a_newer_dataops_is_refused() -> None:
    with pytest.raises(DataopsError, match="made by a newer dataops") as caught:
        Backup.from_document({**one().document(), "version": 2, "more": 1})
    assert caught.value.exit_code == ExitCode.REFUSED


def test_ids_are_names_in_the_order_of_time() -> None:
    assert all(backups.IDENTITY.fullmatch(backups.new_id()) for _ in range(100))
    assert len({backups.new_id() for _ in range(100)}) == 100


def test_the_newest_come_first_and_only_they_are_kept() -> None:
    state = FakeState()
    ids = [backups.new_id() for _ in range(4)]
    for number, identity in enumerate(ids):
        state.put(one(identity, number))
    assert [item.id for item in backups.backups(state)] == ids[::-1]
    assert sorted(backups.prune(state, 3)) == [ids[0]]
    assert state.removed == [
        f"backups/{ids[0]}.json",
        f"backup-files/{ids[0]}",
        f"backup-begun/{ids[0]}.json",
    ]
    assert backups.prune(state, 3) == []


def test_what_was_begun_and_never_ended_is_removed() -> None:
    state = FakeState()
    state.put(kept := one(backups.new_id()))
    left = backups.begin(state)
    state.add("backup-begun/..%2f.json", {})  # none of ours: never a part of a path
    assert backups.prune(state, 5) == [left]
    assert backups.backups(state) == [kept]


def test_a_backup_is_found_by_its_name_in_its_own_stack_only() -> None:
    state = FakeState()
    state.put(mine := one("a"))
    state.put(one("b", 2, project="dataops-prod", environment="prod"))
    assert backups.find(state, "a", "dataops-dev") == mine
    with pytest.raises(
        DataopsError, match=r"b is of prod \(stack dataops-prod\), not of dataops-dev"
    ) as caught:
        backups.find(state, "b", "dataops-dev")
    assert caught.value.exit_code == ExitCode.REFUSED
    with pytest.raises(DataopsError, match="There is no backup c") as caught:
        backups.find(state, "c", "dataops-dev")
    assert (caught.value.exit_code, caught.value.hint) == (ExitCode.REFUSED, "There are: b, a")


@pytest.mark.parametrize(
    ("outcome", "stays"),
    [(None, True), (Outcome.BROKEN, True), (Outcome.UNDONE, False), (Outcome.LEFT, False)],
)
def test_the_backup_that_a_way_back_needs_is_kept(outcome: Outcome | None, *, stays: bool) -> None:
    state: Any = FakeState()
    ids = [backups.new_id() for _ in range(3)]
    for number, identity in enumerate(ids):
        state.put(one(identity, number))
    journal = Journal(state)
    beginning = journal.begin(
        1, Kind.DEPLOY, "b", previous="a", generation=None, was_paused=False, had_containers=True
    )
    journal.found(beginning, backup=ids[0])
    if outcome:
        journal.end(beginning, outcome)
    backups.prune(state, 1)
    assert {item.id for item in backups.backups(state)} == {ids[2]} | ({ids[0]} if stays else set())


@pytest.mark.parametrize("was_paused", [True, False, None])
def test_a_backup_says_whether_the_pipeline_was_paused_before(
    monkeypatch: pytest.MonkeyPatch, was_paused: bool | None
) -> None:
    state = FakeState()
    database = SimpleNamespace(version="15.3", back_up=lambda _files, _identity: FILE)
    monkeypatch.setattr(backup_create, "require_stack", lambda _environment: "dataops-prod")
    monkeypatch.setattr(backup_create, "state_of", lambda _engine, _environment: state)
    monkeypatch.setattr(backup_create, "metadata_database", lambda *_: database)
    monkeypatch.setattr(backup_create, "keeper", lambda *_: None)
    monkeypatch.setattr(backup_create, "airflow_version", lambda *_: "3.3.1")
    monkeypatch.setattr(backup_create, "_release", lambda *_: None)
    nothing: Any = None
    environment: Any = SimpleNamespace(name="prod")
    backup_create.create(
        nothing, nothing, environment, reason="", report=lambda _subject, _text: None, was_paused=was_paused
    )
    (found,) = backups.backups(state)  # type: ignore[arg-type]
    assert found.was_paused is was_paused


def test_a_backup_made_before_that_was_written_down_is_read() -> None:
    document = {key: value for key, value in one().document().items() if key != "was_paused"}
    assert Backup.from_document(document).was_paused is None


@dataclass
class FakeDatabase:
    """What is done to the metadata database, in order. A DAG is paused aside until it is resumed."""

    container: Any = field(default_factory=lambda: SimpleNamespace(name="postgres"))
    done: list[str] = field(default_factory=list)

    def fill_aside(self, _files: object, _dump: object) -> None:
        self.done.append("fill")

    def resume_aside(self) -> None:
        self.done.append("resume")

    def swap(self) -> str:
        self.done.append("swap")
        return "airflow_before_x"

    def is_paused(self) -> bool:
        return "resume" not in self.done


@pytest.mark.parametrize(
    ("was_paused", "done"),
    [
        (False, ["fill", "resume", "swap"]),
        (True, ["fill", "swap"]),
        (None, ["fill", "swap"]),
    ],
)
def test_a_restore_lets_the_pipeline_run_that_was_paused_for_a_deployment(
    monkeypatch: pytest.MonkeyPatch, was_paused: bool | None, done: list[str]
) -> None:
    state, database = FakeState(), FakeDatabase()
    state.put(one(was_paused=was_paused))
    monkeypatch.setattr(backup_restore, "require_stack", lambda _environment: "dataops-dev")
    monkeypatch.setattr(backup_restore, "state_of", lambda _engine, _environment: state)
    monkeypatch.setattr(backup_restore, "metadata_database", lambda *_: database)
    monkeypatch.setattr(backup_restore, "users", lambda *_: [])
    monkeypatch.setattr(backup_restore, "stopped", lambda *_: nullcontext())
    monkeypatch.setattr(backup_restore, "migrate", lambda *_: None)
    monkeypatch.setattr(backup_restore, "idle", lambda *_: [])
    nothing: Any = None
    restored = backup_restore.restore(nothing, nothing, nothing, "a", report=lambda _subject, _text: None)
    assert database.done == done
    assert restored.paused is (was_paused is not False)
    steps = backup_restore.plan_restore(nothing, nothing, nothing, "a", report=lambda _subject, _text: None)
    assert any("let the pipeline run again" in step for step in steps) is (was_paused is False)


def test_the_dag_is_resumed_in_the_database_aside_alone() -> None:
    asked: list[tuple[str, str]] = []

    def run(_container: str, command: list[str], variables: Mapping[str, str]) -> tuple[int, bytes]:
        asked.append((command[-1], variables["STATEMENTS"]))
        return 0, b"t\n"

    engine: Any = SimpleNamespace(exec=run)
    container: Any = SimpleNamespace(id="c")
    database = MetadataDatabase(engine, container, lambda _subject, _text: None)
    database.resume_aside()
    assert database.is_paused() is True
    assert asked == [
        (
            "--dbname=airflow_restored",
            "update dag set is_paused = false where dag_id = 'dataops_pipeline'",
        ),
        ("--dbname=airflow", "select is_paused from dag where dag_id = 'dataops_pipeline'"),
    ]


@pytest.mark.parametrize(("status", "known"), [(409, True), (500, False)])
def test_a_scheduler_that_begins_again_and_again_tells_no_version(
    monkeypatch: pytest.MonkeyPatch, status: int, *, known: bool
) -> None:
    def refuse(*_: object) -> None:
        raise EngineError("no", hint="", exit_code=ExitCode.FAILED, status=status)

    monkeypatch.setattr(backup_services, "observe_containers", lambda *_: ())
    monkeypatch.setattr(backup_services, "running_container", lambda *_: SimpleNamespace(id="c"))
    engine: Any = SimpleNamespace(exec=refuse)
    with nullcontext() if known else pytest.raises(EngineError):
        assert backup_services.airflow_version(engine, "p") is None
