"""`dataops config`: what is set, where it came from, whether it is right."""

from __future__ import annotations

from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.completion import setting_keys

app = typer.Typer(add_completion=False, help="Show, explain and validate settings.", no_args_is_help=True)


@command(app)
def show(app: Application) -> None:
    """Show every setting of the environment with its value and where it came from."""
    from dataops_cli.console import table
    from dataops_cli.settings.model import known_keys

    environment = app.environment
    rows = {key: {"value": environment.shown(key), "origin": environment.origin(key)} for key in known_keys()}
    app.console.result(
        rows,
        table(
            ["setting", "value", "from"], [[key, row["value"], row["origin"]] for key, row in rows.items()]
        ),
    )


@command(app)
def explain(
    app: Application,
    key: Annotated[
        str, typer.Argument(help="Dotted key, such as warehouse.engine.", autocompletion=setting_keys)
    ],
) -> None:
    """Explain one setting: its meaning, its value, where it came from and what it shadows."""
    from dataops_cli.console import table
    from dataops_cli.errors import UsageError
    from dataops_cli.settings.layers import nearest
    from dataops_cli.settings.load import REDACTED
    from dataops_cli.settings.model import is_secret, known_keys

    if key not in known_keys():
        meant = nearest(key, known_keys())
        raise UsageError(
            f"There is no setting {key}",
            hint=f"Did you mean {meant}?" if meant else "Every setting: dataops config show",
        )
    environment = app.environment
    history = [
        {"value": REDACTED if is_secret(key) else value.raw, "origin": value.origin}
        for value in environment.history.get(key, [])
    ]
    default = known_keys()[key].get_default()
    values = [*history, {"value": None if is_secret(key) else default, "origin": "default"}]
    document = {
        "key": key,
        "meaning": known_keys()[key].description,
        "value": environment.shown(key),
        "origin": environment.origin(key),
        "shadows": values[1:],
    }
    rows = [
        [value["value"], value["origin"], "in force" if i == 0 else "shadowed"]
        for i, value in enumerate(values)
    ]
    app.console.result(document, f"{key}: {document['meaning']}\n", table(["value", "from", ""], rows))


@command(app)
def validate(app: Application) -> None:
    """Check the settings of every environment."""
    from dataops_cli.errors import UsageError
    from dataops_cli.notifications.addresses import faults as faults_of_notifications
    from dataops_cli.settings.load import load_environments

    loaded, faults = load_environments(app.project)
    for environment in loaded.values():
        faults += faults_of_notifications(environment)
    if faults:
        raise UsageError(
            f"The settings have {len(faults)} fault{'s' * (len(faults) > 1)}",
            details=tuple(faults),
            hint="Mend them at the places named; what a setting means: dataops config explain KEY",
        )
    app.console.result({"valid": [*loaded]}, f"The settings of {', '.join(loaded)} are valid.")
