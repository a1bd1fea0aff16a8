"""`dataops lock`: who may change the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataops_cli.cli.application import Application, command, command_line
from dataops_cli.cli.recording import audited

if TYPE_CHECKING:
    from dataops_cli.stack.lock_holder import Holder

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Lock the stack against changes, see who has locked it, unlock it.",
)


@command(app)
@audited
def acquire(
    app: Application,
    reason: Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="Why; others are told.")],
) -> None:
    """Lock the stack against every change, yours too, until `dataops lock release`."""
    from dataops_cli import docker_api
    from dataops_cli.stack.environment import require_stack
    from dataops_cli.stack.lock import hold_by_hand

    hold_by_hand(docker_api.connect(), require_stack(app.environment), command_line(), reason)
    app.console.result(
        {"environment": app.environment.name, "held": True, "reason": reason},
        f"{app.environment.name} is locked: {reason}",
        f"  → Unlock it with: {app.hint('lock release')}",
    )


@command(app)
def status(app: Application) -> None:
    """Show whether the stack is locked: by whom, since when, why, and whether they are still there."""
    from dataops_cli import docker_api
    from dataops_cli.console import table
    from dataops_cli.stack.environment import require_stack
    from dataops_cli.stack.lock import held_by

    environment = app.environment.name
    holder = held_by(docker_api.connect(), require_stack(app.environment))
    if holder is None:
        app.console.result({"environment": environment, "held": False}, f"{environment} is not locked.")
        return
    document = _document(holder)
    rows = [[key, value] for key, value in document.items() if value not in (None, "")]
    app.console.result(
        {"environment": environment, "held": True, **document}, table(["lock", environment], rows)
    )


@command(app)
@audited
def release(
    app: Application,
    force: Annotated[
        bool, typer.Option("--force", help="Also a lock whose holder may still be at work.")
    ] = False,
) -> None:
    """Unlock the stack: where it was locked by hand, or whoever held the lock is gone."""
    from dataops_cli import docker_api
    from dataops_cli.stack.environment import require_stack
    from dataops_cli.stack.lock import release as let_go

    environment = app.environment.name
    holder = let_go(docker_api.connect(), require_stack(app.environment), force=force)
    app.console.result(
        {
            "environment": environment,
            "held": False,
            "changed": holder is not None,
            "released": _document(holder) if holder else None,
        },
        f"{environment} is unlocked: it was held by {holder}" if holder else f"{environment} is not locked.",
    )


def _document(holder: Holder) -> dict[str, Any]:
    """What `status` shows. `last_heard_seconds` is by the engine's clock."""
    facts = holder.facts
    return {
        "command": facts.get("command"),
        "reason": facts.get("reason"),
        "user": facts.get("user"),
        "host": facts.get("host"),
        "pid": facts.get("pid"),
        "since": facts.get("since"),
        "by_hand": holder.by_hand,
        "liveness": holder.liveness.value,
        "last_heard_seconds": None if holder.heard is None else round(holder.heard, 1),
    }
