"""`dataops doctor`: whether this machine has what the environment needs."""

from __future__ import annotations

import typer

from dataops_cli.cli.application import Application, command

app = typer.Typer(add_completion=False, help="Check that this machine has what the environment needs.")


@command(app)
def doctor(app: Application) -> None:
    """Check that this machine has what the environment needs."""
    from dataclasses import replace

    from dataops_cli.doctor.examination import examine
    from dataops_cli.doctor.report import document, exit_code, rendered

    name = app.environment_name
    with app.console.activity("Checking"):
        findings = {
            check: replace(finding, remedy=app.advice(finding.remedy))
            for check, finding in examine(app.project, name).items()
        }
    app.console.result(document(findings), *rendered(findings, name))
    raise typer.Exit(exit_code(findings))
