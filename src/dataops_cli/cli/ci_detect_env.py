"""`dataops ci detect-env`: to which environment the branch goes."""

from __future__ import annotations

import typer

from dataops_cli.cli.application import Application, command

app = typer.Typer(add_completion=False)

REMEDY = "Push to a branch that an environment has, or give one this branch: deploy.branch in environments/NAME.toml"


@command(app, "detect-env")
def detect_env(app: Application) -> None:
    """Print the environment to which the branch goes (deploy.branch), and set the outputs environment and sha."""
    from dataops_cli.ci.actions import pushed_branch, write_output
    from dataops_cli.deploy.checkout import environment_of_branch
    from dataops_cli.deploy.commit import resolve

    environment = environment_of_branch(app.project, pushed_branch(), REMEDY)
    sha = resolve(app.project.root, "HEAD").sha
    write_output("environment", environment)
    write_output("sha", sha)
    app.console.result({"environment": environment, "sha": sha}, environment)
