"""`dataops secrets`: list, set, generate and rotate secrets. A value is never shown, nor taken from a command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.completion import secret_keys
from dataops_cli.cli.recording import audited
from dataops_cli.cli.stack_change import changing_stack
from dataops_cli.cli.stack_options import PlanOption, warn_of_readable_secrets

app = typer.Typer(add_completion=False, help="List, set, generate and rotate secrets.", no_args_is_help=True)

Key = Annotated[
    str,
    typer.Argument(metavar="KEY", help="Such as secrets.postgres_password.", autocompletion=secret_keys),
]


@command(app, "list")
def list_secrets(app: Application) -> None:
    """List the secret settings: whether each is set, and where; never a value."""
    from dataops_cli.console import table
    from dataops_cli.settings import secrets

    environment = app.environment
    warn_of_readable_secrets(app)
    rows = [
        {"key": key, "set": there, "origin": environment.origin(key) if there else None}
        for key in secrets.secret_keys()
        for there in [secrets.is_set(environment, key)]
    ]
    app.console.result(
        rows,
        table(
            ["secret", "set", "from"],
            [[row["key"], "yes" if row["set"] else "no", row["origin"]] for row in rows],
        ),
    )


# The parser would repeat what it does not expect, and that may be a value.
@command(app, "set", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
@audited
def set_secret(app: Application, context: typer.Context, key: Key, plan: PlanOption = False) -> None:
    """Set a secret to what is typed, unseen, or comes on stdin."""
    from dataops_cli.errors import UsageError
    from dataops_cli.settings import secrets

    name, equals, _value = key.partition("=")
    if context.args or equals:
        raise UsageError(
            "A secret's value is not taken from the command line, where others can read it",
            hint=f"Use another value, and type it when asked: {app.hint(f'secrets set {name}')}",
        )
    secrets.require_secret(key)
    environment = app.environment
    path = secrets.secrets_file(app.project, environment.name)
    cause = f"in {app.project.relative(path)}"
    if plan:
        _show(app, "set", {key: cause})
        return
    value = _typed(key) if sys.stdin.isatty() else _piped()
    secrets.require_strength(key, value)
    if key in secrets.GIVEN:
        from dataops_cli.notifications.addresses import parsed

        value = " ".join(value.split())  # one a line is as good, and the file holds one line
        parsed(value)
    secrets.put(path, key, value)
    if holder := secrets.keeper(environment, key):
        app.console.warn(
            f"{holder} keeps the password of its first start, which this does not change",
            f"Where it has started already: {app.hint(f'secrets rotate {key}')}",
        )
    if key in secrets.LOGINS:
        app.console.warn(
            "SQL Server keeps the login's password, which this does not change",
            f"Where the login is there already: {app.hint('source grants')}"
            + (f", then {app.hint('up')}" if environment.settings.stack.enabled else ""),
        )
    if (origin := environment.origin(key)).startswith("variable "):
        app.console.warn(f"The {origin} is set, and beats the file")
    _show(app, "set", {key: cause})


@command(app)
@audited
def generate(
    app: Application,
    keys: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY…]", help="Secrets (default: all that the stack needs).", autocompletion=secret_keys
        ),
    ] = None,
    plan: PlanOption = False,
) -> None:
    """Make the secrets that are missing."""
    from dataops_cli import docker_api
    from dataops_cli.settings import secrets
    from dataops_cli.stack.secret_generation import keys_to_generate

    _refuse_to_generate(app, keys)
    chosen = keys_to_generate(app.project, app.environment, keys, docker_api.connect)
    path = secrets.secrets_file(app.project, app.environment.name)
    if chosen and not plan:
        secrets.add(path, chosen)
    _show(app, "generate", dict.fromkeys(chosen, f"in {app.project.relative(path)}"), "No secret is missing.")


@command(app)
@audited
def rotate(
    app: Application,
    keys: Annotated[
        list[str], typer.Argument(metavar="KEY…", help="Secrets to replace.", autocompletion=secret_keys)
    ],
    plan: PlanOption = False,
) -> None:
    """Replace secrets with fresh values, in the running database too."""
    from dataops_cli import docker_api
    from dataops_cli.stack.environment import require_stack
    from dataops_cli.stack.rotation import plan_rotation
    from dataops_cli.stack.rotation import rotate as replace

    _refuse_to_rotate(app, keys)
    rotation = plan_rotation(app.project, app.environment, keys, docker_api.connect)
    if not plan and rotation.database:
        with changing_stack(app, rotation.database.engine, require_stack(app.environment)) as lock:
            lock()
            replace(app.project, app.environment, rotation)
    elif not plan:
        replace(app.project, app.environment, rotation)
    _show(app, "rotate", rotation.causes())
    if not plan and app.environment.settings.stack.enabled:
        app.console.progress(f"The containers that use them are made anew by: {app.hint('up')}")


def _refuse_to_generate(app: Application, keys: list[str] | None) -> None:
    """Raises UsageError where there is no stack whose secrets they could be, DataopsError (exit 5) for a password that
    a server has already."""
    from dataops_cli.errors import DataopsError, ExitCode, UsageError
    from dataops_cli.settings import secrets

    environment = app.environment
    if not keys and not environment.settings.stack.enabled:
        raise UsageError(
            f"The environment {environment.name} has no stack whose secrets could be made",
            hint="Name the secrets: " + app.hint(f"secrets generate {' '.join(secrets.LOGINS)}"),
        )
    for key in keys or ():
        _refuse_to_make_up(app, key)
        if secrets.is_anothers(environment, key):
            raise DataopsError(
                f"{key} is the one that the SQL Server at {environment.settings.warehouse.server} has, so none is "
                "made up",
                hint=f"Set it: {app.hint(f'secrets set {key}')}",
                exit_code=ExitCode.REFUSED,
            )


def _refuse_to_make_up(app: Application, key: str) -> None:
    """Raises DataopsError (exit 5) for what only people know."""
    from dataops_cli.errors import DataopsError, ExitCode
    from dataops_cli.settings import secrets

    if key in secrets.GIVEN:
        raise DataopsError(
            f"{key} cannot be made up: only you know it",
            hint=f"Set it: {app.hint(f'secrets set {key}')}",
            exit_code=ExitCode.REFUSED,
        )


def _refuse_to_rotate(app: Application, keys: list[str]) -> None:
    """Raises DataopsError (exit 5) for a password that only another server can change."""
    from dataops_cli.errors import DataopsError, ExitCode
    from dataops_cli.settings import secrets

    warehouse = app.environment.settings.warehouse
    for key in keys:
        _refuse_to_make_up(app, key)
        if secrets.is_anothers(app.environment, key):
            raise DataopsError(
                f"{key} cannot be replaced in the file alone: the SQL Server at {warehouse.server} keeps it",
                hint=f"Change the password of {warehouse.admin_user} on the server, then: "
                + app.hint(f"secrets set {key}"),
                exit_code=ExitCode.REFUSED,
            )


def _show(app: Application, action: str, causes: Mapping[str, str], nothing: str = "") -> None:
    document = [{"action": action, "subject": key, "cause": cause} for key, cause in causes.items()]
    lines = [f"{action} {key}: {cause}" for key, cause in causes.items()]
    app.console.result(document, *(lines or [nothing]))


def _typed(key: str) -> str:
    from getpass import getpass

    try:
        return getpass(f"{key}: ", stream=sys.stderr)
    except EOFError:
        raise typer.Abort from None


def _piped() -> str:
    """All of stdin, without the one newline that `echo` adds."""
    from dataops_cli.errors import UsageError

    try:
        return sys.stdin.buffer.read().decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise UsageError("The value is not UTF-8 text", hint="Give it as text, such as in base64.") from None
