"""`dataops ci`: what the workflows call. Each command is in a module of its own beside this one."""

from __future__ import annotations

import typer

from dataops_cli.cli import ci_dbt, ci_detect_env, ci_lint, ci_pr, ci_run

app = typer.Typer(
    add_completion=False,
    help="Lint, test and check a change, as the workflows do; run a workflow's commands here.",
    no_args_is_help=True,
)
for part in (ci_dbt, ci_lint, ci_pr, ci_detect_env, ci_run):
    app.registered_commands += part.app.registered_commands
