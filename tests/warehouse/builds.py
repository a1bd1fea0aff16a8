"""Warehouses built by dbt for the tests, made once however many test processes there are."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock

from dataops_cli.dbt.session import DbtSession
from dataops_cli.warehouse.embedded import SOURCE_CATALOG, Candidate

DBT = Path(__file__).resolve().parent.parent.parent / "dbt"
NO_WAREHOUSE = Candidate("none", Path("nowhere")).dbt_environment()
"""Completes DuckDB's profile where nothing is opened."""


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """The folder, made by the first test process that asks for it; the others wait."""
    done = folder / ".done"
    with FileLock(f"{folder}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            make(folder)
            done.touch()
    return folder


def clean_copy(folder: Path) -> Path:
    """The dbt project as it is checked out: without installed packages and without what dbt wrote."""
    shutil.copytree(
        DBT, folder, ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"), dirs_exist_ok=True
    )
    return folder


def install_packages(project: Path, folder: Path) -> None:
    """`dbt deps`; what dbt writes besides the packages goes to the folder."""
    DbtSession(project, folder / "target", folder / "logs", {}).install_packages()


@dataclass(frozen=True)
class UnitTest:
    """A unit test of a model: what dbt said of it, and the query that dbt compared the rows of."""

    name: str
    model: str
    status: str
    sql: str


@dataclass(frozen=True)
class Built:
    """One warehouse on DuckDB, and what dbt said and wrote on the way.

    `folder` has source.duckdb, warehouse.duckdb and dbt's target.
    """

    project: Path
    folder: Path
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def candidate(self) -> Candidate:
        return Candidate("test", self.folder)

    def session(self) -> DbtSession:
        session = DbtSession(
            self.project,
            self.folder / "target",
            self.folder / "logs",
            self.candidate.dbt_environment(),
            self.variables,
        )
        session.manifest = _parsed(self.project, "duckdb")
        return session

    def build(self, *selection: str) -> list[str]:
        """`dbt build` of the selection. Returns `name: status` of what did not go well."""
        session = self.session()
        try:
            results, _ = session.build(selection, lambda event: None, threads=2)
        finally:
            session.close()
        return [f"{result.unique_id.split('.')[2]}: {result.status}" for result in results if not result.ok]

    def run_unit_tests(self) -> None:
        """`dbt test --select test_type:unit`."""
        session = self.session()
        try:
            outcome = _dbt(session, "test", "--select", "test_type:unit")
        finally:
            session.close()
        status = {result.node.unique_id: str(result.status) for result in outcome.results}
        (self.folder / "unit_tests.json").write_text(json.dumps(status))

    def unit_tests(self) -> list[UnitTest]:
        """The unit tests as they ran."""
        files = {path.stem: path for path in (self.folder / "target/run").rglob("unit_tests.yml/**/*.sql")}
        found = []
        for unique_id, status in json.loads((self.folder / "unit_tests.json").read_text()).items():
            _, _, model, name = unique_id.split(".")
            found.append(UnitTest(name, model, status, files[name].read_text()))
        return found

    def connect(self, *, writable: bool = False) -> duckdb.DuckDBPyConnection:
        """The warehouse, with its source attached under the name that the bronze views use."""
        return connect(self.candidate.path, self.candidate.source, writable=writable)

    def copy_to(self, folder: Path) -> Built:
        """A copy that a test may spoil."""
        folder.mkdir(parents=True, exist_ok=True)
        for path in (self.candidate.path, self.candidate.source):
            shutil.copyfile(path, folder / path.name)
        return Built(self.project, folder, self.variables)


def connect(warehouse: Path, source: Path, *, writable: bool = False) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(warehouse), read_only=not writable)
    mode = "" if writable else "(read_only)"
    connection.execute(f"attach '{source}' as {SOURCE_CATALOG} {mode}")
    return connection


def connect_in_memory(source: Path, name: str = "warehouse") -> duckdb.DuckDBPyConnection:
    """An empty warehouse in memory, under the name that compiled SQL uses, with the source attached."""
    connection = duckdb.connect()
    connection.execute(f"attach ':memory:' as \"{name}\"")
    connection.execute(f'use "{name}"')
    connection.execute(f"attach '{source}' as {SOURCE_CATALOG} (read_only)")
    return connection


ENVIRONMENTS = {"duckdb": NO_WAREHOUSE, "sqlserver": {"DATAOPS_DBT_TARGET": "sqlserver"}}


@functools.cache
def _parsed(project: Path, target: str) -> Any:
    """The project as dbt reads it: once per test process, and from dbt's cache in all but the first of them."""
    folder = project.parent / f"parsed-{target}"
    session = DbtSession(project, folder, project.parent / "logs", ENVIRONMENTS[target])
    with FileLock(f"{folder}.lock"):
        session.parse()
    return session.manifest


def _dbt(session: DbtSession, command: str, *arguments: str) -> Any:
    """A command that the session has no method for, on the project that was already read."""
    return session._invoke(command, arguments, may_fail=True)


def compile_project(project: Path, folder: Path, target: str, **variables: str) -> None:
    """`dbt compile` of everything, without a connection; it leaves its manifest in the folder."""
    session = DbtSession(project, folder, folder / "logs", ENVIRONMENTS[target], variables)
    session.manifest = _parsed(project, target)
    outcome = _dbt(session, "compile", "--no-introspect", "--no-populate-cache")
    session.close()
    assert [result.message for result in outcome.results if str(result.status) != "success"] == []
    session.manifest.write(str(folder / "manifest.json"))


def read_manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return manifest


def compiled_sql(manifest: Mapping[str, Any], kind: str) -> dict[str, str]:
    """The compiled SQL of all nodes of a kind, by name."""
    return {
        node["name"]: node["compiled_code"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == kind
    }


def build_order(manifest: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(schema, name, materialization) of all models, each after the ones it reads."""
    models = {
        unique_id: node for unique_id, node in manifest["nodes"].items() if node["resource_type"] == "model"
    }
    ordered: list[tuple[str, str, str]] = []
    placed: set[str] = set()
    while len(placed) < len(models):
        for unique_id, node in models.items():
            needed = {parent for parent in node["depends_on"]["nodes"] if parent in models}
            if unique_id not in placed and needed <= placed:
                ordered.append((node["schema"], node["name"], node["config"]["materialized"]))
                placed.add(unique_id)
    return ordered


def run_models(
    connection: duckdb.DuckDBPyConnection, order: Sequence[tuple[str, str, str]], sql: Mapping[str, str]
) -> None:
    """Run compiled models on DuckDB as dbt would, but without dbt, so without its coercion to the contract's types."""
    for schema in ("bronze", "silver", "gold"):
        connection.execute(f"create schema if not exists {schema}")
    for schema, name, kind in order:
        connection.execute(f"create or replace {kind} {schema}.{name} as {sql[name]}")
