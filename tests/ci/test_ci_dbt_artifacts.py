"""The folder of artifacts belongs to one check at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataops_cli.ci.dbt_artifacts import DOCUMENT, claimed, write_document
from dataops_cli.errors import DataopsError, ExitCode, UsageError


def test_what_an_earlier_check_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "checks"
    with claimed(folder):
        (folder / "run").mkdir()
        (folder / "run" / "log").touch()
        (folder / "manifest.json").touch()
        write_document(folder, {"ok": True})
    with claimed(folder):
        left = {path.name for path in folder.iterdir()} - {".lock"}
        assert left == {DOCUMENT}


def test_a_check_that_did_not_end_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), claimed(tmp_path):
        raise KeyboardInterrupt
    assert json.loads((tmp_path / DOCUMENT).read_text()) == {"ok": False, "unfinished": True}
    with claimed(tmp_path):  # it is known as a check's folder, and free again
        pass


def test_two_checks_do_not_write_to_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    with claimed(folder):
        write_document(folder, {"ok": True})
        with (
            pytest.raises(DataopsError, match="Another `dataops ci dbt` is writing to") as raised,
            claimed(folder),
        ):
            pass
        assert raised.value.exit_code == ExitCode.LOCKED
        assert json.loads((folder / DOCUMENT).read_text()) == {"ok": True}


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.txt"
    path.parent.mkdir()
    path.touch()
    with pytest.raises(UsageError, match="something else"), claimed(path.parent):
        pass
    with pytest.raises(UsageError, match="something else"), claimed(path):
        pass
    assert [item.name for item in path.parent.iterdir()] == [path.name]
