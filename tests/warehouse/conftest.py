"""Shared by the tests of the dbt project: each source and each build is made once, however many processes test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from warehouse import sources
from warehouse.builds import (
    Built,
    clean_copy,
    compile_project,
    install_packages,
    once,
    read_manifest,
)

LEAP_DAY = "2012-02-29"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def project(shared: Path) -> Path:
    """A copy of the dbt project with its packages installed: `dbt/` itself stays as it is."""

    def install(folder: Path) -> None:
        install_packages(clean_copy(folder / "dbt"), folder)

    return once(shared / "project", install) / "dbt"


@pytest.fixture(scope="session")
def generated_source(shared: Path) -> Path:
    return (
        once(shared / "generated", lambda folder: sources.make_generated(folder / "source.duckdb"))
        / "source.duckdb"
    )


@pytest.fixture(scope="session")
def dirty_source(generated_source: Path, shared: Path) -> Path:
    return (
        once(shared / "dirty", lambda folder: sources.make_dirty(generated_source, folder / "source.duckdb"))
        / "source.duckdb"
    )


@pytest.fixture(scope="session")
def empty_source(shared: Path) -> Path:
    return (
        once(shared / "empty", lambda folder: sources.make_empty(folder / "source.duckdb")) / "source.duckdb"
    )


@pytest.fixture(scope="session")
def real_source(adventureworks: Path, shared: Path) -> Path:
    return (
        once(shared / "real", lambda folder: sources.load_real(adventureworks, folder / "source.duckdb"))
        / "source.duckdb"
    )


def built(project: Path, folder: Path, source: Path, **variables: str) -> Built:
    """All models, built by dbt on a source."""
    warehouse = Built(project, folder, variables)

    def make(folder: Path) -> None:
        (folder / "source.duckdb").symlink_to(source)
        assert warehouse.build("resource_type:model") == []

    once(folder, make)
    return warehouse


@pytest.fixture(scope="session")
def generated(project: Path, generated_source: Path, shared: Path) -> Built:
    """The warehouse of generated data, in which every data test passes."""
    return built(project, shared / "generated-built", generated_source)


@pytest.fixture(scope="session")
def real(project: Path, real_source: Path, shared: Path) -> Built:
    """The warehouse of the real data."""
    return built(project, shared / "real-built", real_source)


@pytest.fixture(scope="session")
def dirty(project: Path, dirty_source: Path, shared: Path) -> Built:
    """The warehouse of dirty data."""
    return built(project, shared / "dirty-built", dirty_source)


@pytest.fixture(scope="session")
def dirty_as_of(project: Path, dirty_source: Path, shared: Path) -> Built:
    """The warehouse of dirty data, as of a leap day."""
    return built(project, shared / "dirty-as-of", dirty_source, as_of_date=LEAP_DAY)


@pytest.fixture(scope="session")
def duckdb_manifest(project: Path, shared: Path) -> dict[str, Any]:
    """Everything compiled for DuckDB."""
    return read_manifest(
        once(shared / "compiled-duckdb", lambda folder: compile_project(project, folder, "duckdb"))
    )


@pytest.fixture(scope="session")
def tsql_manifest(project: Path, shared: Path) -> dict[str, Any]:
    """Everything compiled for SQL Server, without one."""
    return read_manifest(
        once(shared / "compiled-tsql", lambda folder: compile_project(project, folder, "sqlserver"))
    )


@pytest.fixture(scope="session")
def tsql_manifest_as_of(project: Path, shared: Path) -> dict[str, Any]:
    """The same for a leap day."""
    return read_manifest(
        once(
            shared / "compiled-tsql-as-of",
            lambda folder: compile_project(project, folder, "sqlserver", as_of_date=LEAP_DAY),
        )
    )
