"""Starting a run, under an id of ours, so that asking twice makes one run."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from dataops_cli.airflow.api import Airflow
from dataops_cli.airflow.faults import Away, Fault
from dataops_cli.airflow.model import Dag, DagRun
from dataops_cli.airflow.names import command_for
from dataops_cli.errors import DataopsError, ExitCode


def new_run_id() -> str:
    """`dataops__20260131T010000Z-1a2b3c`: sorts by time, and is nobody else's."""
    return f"dataops__{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def require_triggerable(dag: Dag, *, unpause: bool = False) -> None:
    """Raises DataopsError (exit 5) for a DAG whose runs would wait for ever, or run old code."""
    if dag.paused and not unpause:
        raise DataopsError(
            f"DAG {dag.dag_id} is paused: a run would be accepted, and stay queued for ever",
            hint=f"Unpause it with the run by --unpause, or: dataops airflow unpause {dag.dag_id} · That also starts "
            f"its schedule, if it has one: {dag.schedule or 'it has none'}",
            exit_code=ExitCode.REFUSED,
        )
    if dag.has_import_errors:
        raise DataopsError(
            f"The file of DAG {dag.dag_id} has a fault: {dag.file}",
            hint="See it with: dataops airflow import-errors",
            exit_code=ExitCode.REFUSED,
        )


def trigger(
    api: Airflow,
    dag_id: str,
    *,
    run_id: str | None = None,
    conf: Mapping[str, Any] | None = None,
    unpause: bool = False,
    report: Callable[[str], None] = lambda _line: None,
) -> DagRun:
    """Start a run of a DAG. `report` hears that it was unpaused for it.

    Raises DataopsError: exit 5 for a paused DAG, exit 2 for a `run_id` that is there.
    """
    dag = api.dag(dag_id)
    require_triggerable(dag, unpause=unpause)
    wanted = new_run_id() if run_id is None else run_id
    still = f" · The DAG is still paused: dataops airflow unpause {dag_id}" if dag.paused else ""
    try:
        run = api.trigger(dag_id, wanted, conf or {})
    except Away as fault:
        if fault.untouched:
            raise
        raise DataopsError(
            f"Whether run {wanted} was accepted is not known: {fault.reason}",
            hint=f"Look, once Airflow answers again: dataops {command_for('watch', wanted, dag_id)}{still}",
            exit_code=ExitCode.UNAVAILABLE,
        ) from fault
    except KeyboardInterrupt:
        raise DataopsError(
            f"Interrupted: whether run {wanted} was accepted is not known",
            hint=f"Look: dataops {command_for('watch', wanted, dag_id)}{still}",
            exit_code=ExitCode.INTERRUPTED,
        ) from None
    if dag.paused:  # not before it: a run that is refused changes nothing
        _unpause(api, dag, wanted)
        report(
            f"Unpaused {dag_id}{f': its schedule starts runs, too ({dag.schedule})' if dag.schedule else ''}"
        )
    return run


def _unpause(api: Airflow, dag: Dag, run_id: str) -> None:
    try:
        api.set_paused(dag.dag_id, False)
    except (Fault, KeyboardInterrupt) as error:
        why, code = (
            (error.reason, error.exit_code)
            if isinstance(error, Fault)
            else ("interrupted", ExitCode.INTERRUPTED)
        )
        raise DataopsError(
            f"Run {run_id} is queued, and DAG {dag.dag_id} may still be paused: {why}",
            hint=f"Let it go on: dataops airflow unpause {dag.dag_id}",
            exit_code=code,
        ) from error
