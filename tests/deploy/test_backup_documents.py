"""Which backups there are, which count, and which are removed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from dataops_cli.deploy import backup as backups
from dataops_cli.deploy.backup import Backup, ServerFile, StoredFile, WarehouseCopy
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
