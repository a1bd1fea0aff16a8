"""`dataops run` where Airflow does the work: the DAG is triggered, and watched with dbt's results below its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dataops_cli.airflow import PIPELINE
from dataops_cli.cli.application import Application
from dataops_cli.errors import UsageError

if TYPE_CHECKING:
    from dataops_cli.pipeline.options import RunOptions


def run_by_airflow(
    app: Application,
    options: RunOptions,
    *,
    only_direct: Mapping[str, Any],
    wait: bool,
    timeout: str | None,
    follow_logs: bool,
    unpause: bool,
    plan: bool,
) -> None:
    """Trigger the DAG and watch it to its end; with `plan`, see only whether it can take the options. `only_direct` are
    further ones, which the DAG does not take.

    Leaves with exit 1 where the run failed. Raises UsageError for options that need --direct.
    """
    from dataops_cli.airflow.names import command_for
    from dataops_cli.airflow.trigger import trigger
    from dataops_cli.cli.airflow_options import connect, fitting_parameters
    from dataops_cli.cli.airflow_watching import watch_run
    from dataops_cli.cli.delegation import refuse_to_run
    from dataops_cli.durations import timeout_seconds

    if not wait and (timeout or follow_logs):
        raise UsageError(
            "--timeout and --follow-logs are for watching a run, which --no-wait does not",
            hint="Leave out --no-wait, or the others.",
        )
    seconds, conf = timeout_seconds(timeout), parameters(app, options, only_direct)
    if plan:
        return
    refuse_to_run(app)
    api = connect(app)
    conf = fitting_parameters(api, PIPELINE, conf)
    with app.console.activity("Triggering the pipeline"):
        run = trigger(api, PIPELINE, conf=conf, unpause=unpause, report=app.console.progress)
    if not wait:
        again = app.hint(command_for("watch", run.run_id, run.dag_id))
        app.console.result(
            {"dag_id": run.dag_id, "run_id": run.run_id, "state": run.state},
            f"Triggered {run.dag_id} {run.run_id}. Watch it: {again}",
        )
        return
    watch_run(app, api, run, triggered=True, seconds=seconds, follow_logs=follow_logs)


def parameters(app: Application, options: RunOptions, only_direct: Mapping[str, Any]) -> dict[str, Any]:
    """The DAG's parameters for a run. Raises UsageError for options that it does not take."""
    variables = dict(options.variables)
    as_of_date = variables.pop("as_of_date", None)
    if options.retry:
        raise UsageError(
            "--retry continues a run without Airflow",
            hint=f"For a run of Airflow: {app.hint('airflow clear')}; for one without: "
            f"{app.hint('run --direct --retry')}",
        )
    given = {
        "--exclude": options.exclude,
        "--fail-fast": options.fail_fast,
        "--vars": variables,
        **only_direct,
    }
    if names := [name for name, value in given.items() if value]:
        raise UsageError(
            f"The DAG takes no {', '.join(names)} (of --vars only as_of_date)",
            hint=f"Run without Airflow: {app.hint('run --direct')} …",
        )
    chosen: dict[str, Any] = {}
    if options.layers:
        chosen["layer"] = list(options.layers)
    if options.select:
        chosen["select"] = list(options.select)
    if as_of_date:
        chosen["as_of_date"] = str(as_of_date)
    return chosen
