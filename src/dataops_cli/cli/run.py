"""`dataops run`: the platform's main job."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from dataops_cli.cli.airflow_options import FollowOption, TimeoutOption
from dataops_cli.cli.application import Application, command, command_line
from dataops_cli.cli.completion import layer_names, model_names
from dataops_cli.cli.recording import audited

app = typer.Typer(add_completion=False)


@command(app, "run")
@audited
def run(
    app: Application,
    layer: Annotated[
        list[str] | None,
        typer.Option("--layer", "-l", help="Only this layer (repeatable).", autocompletion=layer_names),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option("--select", "-s", help="Only these models (dbt's syntax).", autocompletion=model_names),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="All but these models (dbt's syntax).", autocompletion=model_names),
    ] = None,
    variables: Annotated[
        str | None, typer.Option("--vars", metavar="YAML", help="dbt variables: '{as_of_date: 2014-01-31}'.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=64, help="Models and tests side by side (default: dbt.threads).")
    ] = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failure.")] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Continue the run that failed, from where it failed.")
    ] = False,
    lock_wait: Annotated[
        str, typer.Option(metavar="TIME", help="Wait this long for another run to end, such as 10m.")
    ] = "0s",
    direct: Annotated[
        bool, typer.Option("--direct", help="Build in the dbt container now, not through Airflow.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Watch Airflow's run to its end, or only start it.")
    ] = True,
    timeout: TimeoutOption = None,
    follow_logs: FollowOption = False,
    unpause: Annotated[bool, typer.Option("--unpause", help="Unpause the DAG, where it is paused.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.")] = False,
) -> None:
    """Build, test and publish bronze, silver and gold.

    Everything is built aside and tested there. Consumers get all of it at once when every test has
    passed, and nothing otherwise. A failed run stays aside for --retry. Where dbt.runner is airflow,
    the DAG dataops_pipeline does it, and is watched.
    """
    from dataops_cli import durations
    from dataops_cli.cli.delegation import delegate_run
    from dataops_cli.cli.run_by_airflow import run_by_airflow
    from dataops_cli.cli.run_output import show
    from dataops_cli.errors import ExitCode, UsageError
    from dataops_cli.notifications.edges import told_of_run
    from dataops_cli.notifications.told import told_here
    from dataops_cli.pipeline.options import RunOptions, check_options
    from dataops_cli.pipeline.plan import describe
    from dataops_cli.pipeline.run import PipelineRun
    from dataops_cli.processes import user_name
    from dataops_cli.settings.model import Runner

    options = RunOptions(
        layers=tuple(layer or ()),
        select=tuple(select or ()),
        exclude=tuple(exclude or ()),
        variables=parsed_variables(variables),
        fail_fast=fail_fast,
        retry=retry,
        lock_wait=durations.seconds(lock_wait),
    )
    check_options(options)
    by_airflow = app.environment.settings.dbt.runner is Runner.AIRFLOW and not direct
    if by_airflow:
        run_by_airflow(
            app,
            options,
            only_direct={"--threads": threads, "--lock-wait": options.lock_wait},
            wait=wait,
            timeout=timeout,
            follow_logs=follow_logs,
            unpause=unpause,
            plan=plan,
        )
        if not plan:
            return
    elif not wait or timeout or follow_logs or unpause:
        raise UsageError(
            "--no-wait, --timeout, --follow-logs and --unpause are for runs of Airflow",
            hint="Leave them out: this run is done by dbt itself, before your eyes.",
        )
    delegate_run(app, plan=plan)
    if threads:
        app.override("dbt.threads", "--threads", threads)
    pipeline = PipelineRun(app.project, app.environment, app.console)
    if plan:
        lines = describe(pipeline.plan(options))
        app.console.result({"environment": app.environment.name, "plan": lines}, *lines)
        return
    who, told = user_name(), told_here(app.project, app.environment)
    with told_of_run(app.environment, app.console, told, who, command_line()) as ran:
        outcome = ran.outcome = pipeline.execute(options, command_line())
        show(app, outcome)
    if not outcome.published:
        raise typer.Exit(ExitCode.FAILED)


def parsed_variables(text: str | None) -> dict[str, Any]:
    """The mapping that --vars holds. Raises UsageError where it holds none."""
    import yaml

    from dataops_cli.errors import UsageError

    try:
        parsed = yaml.safe_load(text) if text else {}
    except yaml.YAMLError:
        parsed = None
    if not isinstance(parsed, dict):
        raise UsageError(
            f"--vars is no YAML mapping: {text}", hint="Write it as --vars '{as_of_date: 2014-01-31}'"
        )
    return {str(key): _without_dates(value) for key, value in parsed.items()}


def _without_dates(value: Any) -> Any:
    """YAML reads 2014-01-31 as a date; dbt's variables are JSON."""
    if isinstance(value, dict):
        return {str(key): _without_dates(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_dates(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value
