"""The audit: entries and where they are kept, and what the commands record, without an engine."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from dataops_cli.cli.recording import exit_code_of, without_credentials
from dataops_cli.errors import DataopsError
from dataops_cli.stack.audit import Entry, Files, entries, entry_id
from support import Dataops


def entry(identity: str, command: str = "dataops up") -> Entry:
    return Entry(identity, "2026-01-31T10:00:00+00:00", "ada", "laptop", "/a folder", "abc", command, "why")


def test_an_entry_has_an_end_or_none_and_the_newest_comes_first(tmp_path: Path) -> None:
    here, there = Files(tmp_path / "here"), Files(tmp_path / "there")
    entry("1").write(here)
    entry("1").ended(3, 1.26).write(there)  # begun before there was a stack
    entry("2").write(here)
    entry("3").ended(0, 2).write(there)
    found = entries([here, there])
    assert [(item.id, item.exit_code, item.seconds) for item in found] == [
        ("3", 0, 2),
        ("2", None, None),
        ("1", 3, 1.3),
    ]
    assert entries([there, here]) == found
    assert entries([]) == []


def test_a_document_of_a_newer_dataops_is_read_and_another_s_is_not(tmp_path: Path) -> None:
    here = Files(tmp_path)
    entry("1").write(here)
    path = tmp_path / "audit" / "1.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"mood": "good"}))
    here.add("audit/2.json", {"something": "else"})
    assert entries([here]) == [entry("1")]


@given(st.lists(st.datetimes(min_value=datetime(2000, 1, 1)), min_size=2, max_size=20))
def test_ids_are_in_the_order_of_time(times: list[datetime]) -> None:
    ids = [entry_id(time.replace(tzinfo=UTC)) for time in sorted(times)]
    assert [item[:22] for item in ids] == [item[:22] for item in sorted(ids)]
    assert len({*ids}) == len(ids)


def test_an_error_s_exit_code_is_the_program_s() -> None:
    assert [
        exit_code_of(error)
        for error in (
            DataopsError("a", hint="", exit_code=4),
            typer.Exit(7),
            typer.Abort(),
            KeyboardInterrupt(),
            BrokenPipeError(),
            ValueError(),
        )
    ] == [4, 7, 130, 130, 1, 1]


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        (
            "dataops source restore --from 'https://u:p@w@host.net:8/a%20b.bak?sig=hush&x=1#y'",
            "dataops source restore --from https://host.net:8/a%20b.bak",
        ),
        (
            "dataops source restore --from=HTTP://host/x?sig=hush",
            "dataops source restore --from=HTTP://host/x",
        ),
        (
            "dataops lock acquire -m 'see https://host/a?b=c, then \"go\"'",
            "dataops lock acquire -m 'see https://host/a then \"go\"'",
        ),
        ("dataops up --scale dbt=2", "dataops up --scale dbt=2"),
    ],
)
def test_a_command_line_is_recorded_without_what_an_address_may_give_away(given: str, recorded: str) -> None:
    assert without_credentials(given) == recorded


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_any_other_command_line_is_recorded_as_it_was(words: list[str]) -> None:
    import shlex

    command = shlex.join(words)
    if "://" not in command:
        assert without_credentials(command) == command


@pytest.fixture
def platform(tmp_path: Path, new_platform: Callable[[Path], Path]) -> Path:
    return new_platform(tmp_path / "a platform")


def test_without_a_stack_entries_are_files_of_this_machine(platform: Path, dataops: Dataops) -> None:
    assert dataops("audit", cwd=platform).stdout == "No command has changed anything.\n"
    failed = dataops("generations", "publish", "none", cwd=platform)
    assert failed.returncode != 0
    assert dataops("generations", "publish", "none", "--plan", cwd=platform).returncode == failed.returncode
    (found,) = json.loads(dataops("audit", "--json", cwd=platform).stdout)
    assert found.pop("seconds") < 60
    assert re.fullmatch(r"[\d-]+T[\d:]+\+00:00", found.pop("at"))
    assert found.pop("id")
    assert found.pop("user")
    assert found == {
        "host": socket.gethostname(),
        "folder": str(platform),
        "release": None,
        "command": "dataops generations publish none",
        "reason": "",
        "exit_code": failed.returncode,
    }
    for run in range(3):
        dataops("prune", "--lock-wait", f"{run}s", cwd=platform)
    listed = json.loads(dataops("audit", "--limit", "2", "--json", cwd=platform).stdout)
    assert [item["command"] for item in listed] == [
        "dataops prune --lock-wait 2s",
        "dataops prune --lock-wait 1s",
    ]
    assert "dataops prune --lock-wait 0s" in dataops("audit", cwd=platform).stdout


def test_what_is_wrong_with_the_audit_is_a_warning(platform: Path, dataops: Dataops) -> None:
    folder = platform / ".dataops" / "local"
    folder.mkdir(parents=True)
    (folder / "audit").write_text("in the way")
    done = dataops("prune", cwd=platform)
    assert done.returncode == 0
    assert "warning: This command is not in the audit: Cannot use " in done.stderr


def test_an_engine_that_is_not_there_is_said_once(platform: Path, dataops: Dataops) -> None:
    done = dataops("stop", "--env", "dev", cwd=platform, DOCKER_HOST="unix:///nowhere")
    assert done.returncode == 3
    assert done.stderr.count("Cannot reach the Docker engine") == 1
    assert "audit" not in done.stderr


def test_in_a_container_nothing_is_recorded(platform: Path, dataops: Dataops) -> None:
    dataops("prune", cwd=platform, DATAOPS_SETTINGS_FROM="variables")
    assert dataops("audit", cwd=platform).stdout == "No command has changed anything.\n"
