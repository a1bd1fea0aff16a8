"""What the commands of `dataops airflow` share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataops_cli.errors import UsageError

if TYPE_CHECKING:
    from dataops_cli.airflow.api import Airflow
    from dataops_cli.airflow.model import Dag, DagRun
    from dataops_cli.cli.application import Application

LAST = "last"

DagArgument = Annotated[str, typer.Argument(metavar="[DAG]", help="The DAG.")]
DagOption = Annotated[str, typer.Option("--dag", metavar="DAG", help="The DAG whose run it is.")]
RunArgument = Annotated[str, typer.Argument(metavar="[RUN]", help="The run, or `last`: the newest.")]
PlanOption = Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.")]
TimeoutOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Stop watching after this long, such as 30m; the run goes on."),
]
FollowOption = Annotated[
    bool, typer.Option("--follow-logs", "-f", help="Show what the tasks write, as they write it.")
]
ConfOption = Annotated[
    list[str] | None,
    typer.Option(
        "--conf",
        metavar="KEY=VALUE",
        help='A parameter of the run (repeatable), or several as JSON: \'{"layer": ["gold"]}\'.',
    ),
]


def connect(app: Application) -> Airflow:
    """The environment's Airflow. Nothing is asked of it yet."""
    from dataops_cli.airflow.api import Airflow
    from dataops_cli.airflow.place import place_of

    return Airflow(place_of(app.environment), on_retry=app.console.detail)


def find_run(api: Airflow, dag_id: str, run_id: str) -> DagRun:
    """A run by its id; `last` is the DAG's newest. Raises Missing where there is none."""
    return api.newest_run(dag_id) if run_id == LAST else api.run(dag_id, run_id)


def run_document(run: DagRun) -> dict[str, object]:
    return {**vars(run), "seconds": run.seconds}


def warn_of_pause(app: Application, dag: Dag) -> None:
    """A warning where no task of the DAG is begun."""
    if dag.paused:
        app.console.warn(
            f"{dag.dag_id} is paused: its runs wait", f"Let them go on: dataops airflow unpause {dag.dag_id}"
        )


def fitting_parameters(api: Airflow, dag_id: str, given: dict[str, Any]) -> dict[str, Any]:
    """What --conf says, as the DAG wants it. Raises UsageError for what it does not take."""
    from dataops_cli.airflow.params import fitted

    return fitted(dag_id, api.params(dag_id), given) if given else given


def parameters(given: list[str] | None) -> dict[str, Any]:
    """What --conf says, a later one over an earlier one. A value is JSON where it reads as JSON, else text."""
    found: dict[str, Any] = {}
    for text in given or ():
        if text.lstrip().startswith("{"):
            try:
                document = json.loads(text)
            except ValueError as error:
                raise UsageError(
                    f"--conf is no JSON: {error}", hint='Write it as --conf \'{"layer": ["gold"]}\''
                ) from None
            found |= document
            continue
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(
                f"--conf {text!r} is neither KEY=VALUE nor a JSON object",
                hint="Write it as --conf as_of_date=2014-06-30",
            )
        found[key.strip()] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def shown_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
