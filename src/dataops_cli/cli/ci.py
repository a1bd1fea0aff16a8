"""`dataops ci`: what the workflows call. Each command is in a module of its own beside this one."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from dataops_cli.cli import ci_dbt, ci_detect_env, ci_github, ci_lint, ci_pr, ci_run
from dataops_cli.cli.faults import as_known


class Ci(TyperGroup):
    """Tells GitHub of an error, too, which would be in the log alone."""

    def invoke(self, ctx: Any) -> Any:
        from dataops_cli.ci.actions import tell_error

        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if known := as_known(error):
                tell_error(known, " ".join(filter(None, ("dataops ci", ctx.invoked_subcommand))))
            raise


app = typer.Typer(
    add_completion=False,
    cls=Ci,
    help="Lint, test and check a change, as the workflows do; run a workflow's commands here.",
    no_args_is_help=True,
)
for part in (ci_dbt, ci_lint, ci_pr, ci_github, ci_detect_env, ci_run):
    app.registered_commands += part.app.registered_commands
