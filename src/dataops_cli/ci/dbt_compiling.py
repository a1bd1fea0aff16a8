"""Compiling the project for both engines. SQL Server's SQL needs none: nothing is sent anywhere."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dataops_cli.ci.dbt_faults import Fault
from dataops_cli.ci.dbt_places import Places
from dataops_cli.ci.dbt_side import Side
from dataops_cli.dbt.results import NodeResult
from dataops_cli.dbt.session import DbtSession
from dataops_cli.errors import DataopsError, ExitCode
from dataops_cli.settings.model import Engine

# What dbt says of a node that queries the database while it is compiled, where there is no connection.
_ASKS = re.compile(r"Error in \w+ (\S+) \([^)]*\)\s+connection never acquired")


@dataclass(frozen=True)
class Compiled:
    """`statements` were compiled. `asking` are names of those that query the database while they are compiled, which
    was not tried."""

    engine: Engine
    statements: int
    asking: tuple[str, ...]
    faults: tuple[Fault, ...]


def compile_for(side: Side, engine: Engine, work: Path, places: Places) -> Compiled:
    """Compile every model and test for an engine; the SQL goes to `compiled/<engine>` of the artifacts.

    Raises DataopsError (exit 3) where this machine lacks what dbt needs for it.
    """
    session = _session(side, engine, work)
    try:
        if engine is not Engine.DUCKDB:
            session.logs.mkdir(parents=True, exist_ok=True)
            session.parse()
        results, asking = _compile(session)
    except DataopsError as error:
        if error.exit_code == ExitCode.UNAVAILABLE:  # the ODBC driver manager
            raise
        return Compiled(engine, 0, (), (fault_of(error, places, f"compile for {engine}"),))
    finally:
        session.close()
    compiled = session.target / "compiled"
    if compiled.is_dir():
        shutil.copytree(compiled, side.artifacts / "compiled" / engine, dirs_exist_ok=True)
    statements = sum(result.ok for result in results)
    return Compiled(engine, statements, tuple(sorted(asking)), tuple(faults(side, engine, results, places)))


def _compile(session: DbtSession) -> tuple[list[NodeResult], list[str]]:
    """What was compiled, and the names of what was left out since it asks the database. dbt ends at the first of them."""
    asking = list[str]()
    while True:
        try:
            return session.compile(asking), asking
        except DataopsError as error:
            found = _ASKS.search("\n".join((error.reason, *error.details)))
            if found is None or found[1] in asking:
                raise
            asking.append(found[1])


def fault_of(error: DataopsError, places: Places, what: str) -> Fault:
    """An error of dbt as a fault in the file that it names."""
    message = "\n".join((error.reason, *error.details))
    return Fault(what, message, places.of_message(message), error.hint)


def _session(side: Side, engine: Engine, work: Path) -> DbtSession:
    if engine is Engine.DUCKDB:
        return side.session
    return replace(
        side.session,
        target=work / engine,
        logs=side.artifacts / engine,
        environment={"DATAOPS_DBT_TARGET": str(engine)},
        manifest=None,
    )


def faults(side: Side, engine: Engine, results: Sequence[NodeResult], places: Places) -> Iterator[Fault]:
    """What was not compiled for an engine, each with its place."""
    for result in results:
        if result.ok:
            continue
        message = (result.message or result.status).strip()
        node = side.document["nodes"].get(result.unique_id)
        if node:
            name, place = node["name"], places.of_node(node, message)
        else:  # it is enabled for this engine alone, and not in DuckDB's manifest
            name, place = result.unique_id.split(".")[2], places.of_message(message)
        yield Fault(f"compile {name} for {engine}", message, place)
