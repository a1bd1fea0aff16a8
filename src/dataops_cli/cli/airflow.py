"""`dataops airflow`: the DAGs, their runs, and Airflow itself."""

from __future__ import annotations

import typer

from dataops_cli.cli import airflow_dags, airflow_runs, airflow_server

app = typer.Typer(
    add_completion=False,
    help="Trigger and watch Airflow's DAGs; look at runs, tasks, logs and Airflow itself.",
    no_args_is_help=True,
)
for part in (airflow_dags, airflow_runs, airflow_server):
    app.registered_commands += part.app.registered_commands
