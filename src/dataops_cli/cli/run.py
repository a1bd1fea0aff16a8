"""`dataops run`: the platform's main job."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataops_cli.cli.application import Application, command, command_line
from dataops_cli.cli.completion import layer_names, model_names

if TYPE_CHECKING:
    from dataops_cli.pipeline.execution import RunOutcome

app = typer.Typer(add_completion=False)


@command(app, "run")
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
    direct: Annotated[  # noqa: ARG001 (the only way that there is, as long as no run goes through Airflow)
        bool, typer.Option("--direct", help="Build in the dbt container now, not through Airflow.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.")] = False,
) -> None:
    """Build, test and publish bronze, silver and gold.

    Everything is built aside and tested there. Consumers get all of it at once when every test has
    passed, and nothing otherwise. A failed run stays aside for --retry.
    """
    from dataops_cli import durations
    from dataops_cli.cli.delegation import delegate_run
    from dataops_cli.errors import ExitCode
    from dataops_cli.pipeline.options import RunOptions, check_options
    from dataops_cli.pipeline.plan import describe
    from dataops_cli.pipeline.run import PipelineRun

    options = RunOptions(
        layers=tuple(layer or ()),
        select=tuple(select or ()),
        exclude=tuple(exclude or ()),
        variables=_variables(variables),
        fail_fast=fail_fast,
        retry=retry,
        lock_wait=durations.seconds(lock_wait),
    )
    check_options(options)
    delegate_run(app, plan=plan)
    if threads:
        app.overrides["dbt.threads"] = ("--threads", threads)
    pipeline = PipelineRun(app.project, app.environment, app.console)
    if plan:
        lines = describe(pipeline.plan(options))
        app.console.result({"environment": app.environment.name, "plan": lines}, *lines)
        return
    outcome = pipeline.execute(options, command_line())
    _show(app, outcome)
    if not outcome.published:
        raise typer.Exit(ExitCode.FAILED)


def _variables(text: str | None) -> dict[str, Any]:
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


def _show(app: Application, outcome: RunOutcome) -> None:
    from rich.text import Text

    from dataops_cli.console import table

    by_id = {result.unique_id: result for result in outcome.results}
    rows = []
    for node in outcome.graph.built():
        result = by_id.get(node.unique_id)
        if result is None:
            continue
        tests = [
            by_id[test.unique_id].status
            for test in outcome.graph.tests()
            if node.unique_id in test.parents and test.layer == node.layer and test.unique_id in by_id
        ]
        rows.append(
            {
                "model": node.name,
                "layer": node.layer,
                "status": result.status,
                "rows": outcome.rows.get(node.name),
                "seconds": result.seconds,
                "passed": tests.count("pass"),
                "failed": tests.count("fail") + tests.count("error"),
                "warned": tests.count("warn"),
                "skipped": tests.count("skipped"),
            }
        )
    rows.sort(key=lambda row: (("bronze", "silver", "gold").index(str(row["layer"])), str(row["model"])))
    tests_run = [by_id[test.unique_id] for test in outcome.graph.tests() if test.unique_id in by_id]
    passed = sum(result.status == "pass" for result in tests_run)
    document = {
        "run_id": outcome.record.run_id,
        "environment": outcome.record.facts["environment"],
        "published": outcome.published,
        "release": outcome.record.facts["release"],
        "as_of_date": outcome.record.facts.get("as_of_date"),
        "seconds": outcome.seconds,
        "timings": outcome.record.facts["timings"],
        "tests": {"run": len(tests_run), "passed": passed},
        "models": rows,
        "failures": [failure.document() for failure in outcome.failures],
    }
    columns = ["model", "rows", "seconds", "passed", "failed", "warned", "skipped"]
    renderables: list[Any] = ["", table(columns, [[row[column] for column in columns] for row in rows]), ""]
    if outcome.published:
        verdict = Text.assemble(
            ("Published ", "bold green"),
            f"{outcome.record.run_id}: {len(rows)} models, {passed} of {len(tests_run)} tests passed, "
            f"{outcome.seconds} s",
        )
        renderables.append(verdict)
    else:
        for failure in outcome.failures:
            renderables += _failure_lines(failure)
        renderables.append(
            Text.assemble(
                ("Not published", "bold red"),
                f": {len(outcome.failures)} failed; what consumers read is as it was ({outcome.seconds} s)",
            )
        )
        mend = "Free some space" if outcome.out_of_space else "Mend the model or test"
        renderables.append(f"  → {mend}, then continue from there: {app.hint('run --retry')}")
        if outcome.source_changed:
            renderables.append(f"  → The source was loaded anew since: to build from it, {app.hint('run')}")
        else:
            renderables.append(f"  → After mending the source data, start over: {app.hint('run')}")
    app.console.result(document, *renderables)


def _failure_lines(failure: Any) -> list[Any]:
    from rich.text import Text

    from dataops_cli.console import table

    kind = "test" if failure.node.kind == "test" else failure.node.kind
    lines: list[Any] = [
        Text.assemble(("failed ", "bold red"), f"{kind} {failure.node.name}: {failure.message}")
    ]
    if failure.rows and failure.rows.rows:
        lines.append(table(failure.rows.columns, failure.rows.rows))
        if failure.rows.more:
            lines.append(Text(f"  … {failure.failures} rows in all", "dim"))
    if failure.compiled:
        lines.append(Text(f"  compiled SQL: {failure.compiled}", "dim"))
    lines.append("")
    return lines
