"""A folder with a right file for each table, and a way to load it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dataops_cli.errors import DataopsError
from dataops_cli.source.load import stage_files
from source.samples import write_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data")


@pytest.fixture
def refused(folder: Path, tmp_path: Path) -> Callable[[], DataopsError]:
    """Load the folder, which must be refused and leave nothing behind."""

    def load(required: dict[str, frozenset[str]] | None = None) -> DataopsError:
        target = tmp_path / "source.duckdb"
        with pytest.raises(DataopsError) as caught:
            stage_files(folder, target, required or {}, lambda _line: None)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
        return caught.value

    return load
