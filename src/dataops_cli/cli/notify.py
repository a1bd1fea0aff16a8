"""`dataops notify`: whether notifications arrive; and how Airflow sends its own."""

from __future__ import annotations

from typing import Annotated

import typer

from dataops_cli.cli.application import Application, command
from dataops_cli.cli.completion import notification_events
from dataops_cli.cli.stack_options import PlanOption

app = typer.Typer(add_completion=False, help="Test whether notifications arrive.", no_args_is_help=True)


@command(app, "test")
def try_out(
    app: Application,
    event: Annotated[
        str | None,
        typer.Option(
            "--event",
            metavar="EVENT",
            help="Send this event as it looks, to where it goes, such as deploy_failed.",
            autocompletion=notification_events,
        ),
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option("--tag", metavar="TAG", help="Only to URLs with this tag."),
    ] = None,
    plan: PlanOption = False,
) -> None:
    """Send a test message to every URL of secrets.notification_urls, and tell which were accepted.

    Exit 1 where one was not.
    """
    from dataops_cli.console import table
    from dataops_cli.errors import ExitCode
    from dataops_cli.notifications.events import Event, example, trial
    from dataops_cli.notifications.sending import send
    from dataops_cli.notifications.trying import known_event, recipients

    environment = app.environment
    asked = None if event is None else known_event(event)
    to = recipients(environment, asked, tag)
    if plan:
        lines = [f"send to {item.shown}" for item in to]
        app.console.result({"environment": environment.name, "plan": lines}, *lines)
        return
    sent = trial(environment.name) if asked is None else example(Event(asked), environment.name)
    with app.console.activity(f"Sending to {len(to)} URLs"):
        deliveries = send(to, sent)
    document = [
        {
            "service": item.address.service,
            "tags": item.address.tags,
            "accepted": not item.fault,
            "fault": item.fault or None,
        }
        for item in deliveries
    ]
    rows = [
        [item.address.service, ", ".join(item.address.tags), item.fault or "accepted"] for item in deliveries
    ]
    app.console.result(document, table(["service", "tags", ""], rows))
    if any(item.fault for item in deliveries):
        raise typer.Exit(ExitCode.FAILED)


@command(app, "event", hidden=True)
def tell_event(
    app: Application,
    name: Annotated[str, typer.Argument(metavar="EVENT")],
    dag: Annotated[str, typer.Option(metavar="DAG")],
    run: Annotated[str, typer.Option(metavar="RUN")],
    reason: Annotated[str, typer.Option(metavar="TEXT")] = "",
) -> None:
    """Tell an event of Airflow's. Its DAG calls this; it is no command for people."""
    from dataops_cli.errors import ExitCode, UsageError
    from dataops_cli.notifications.airflow import NEXT_STEPS, facts_of_run
    from dataops_cli.notifications.telling import tell
    from dataops_cli.notifications.trying import known_event
    from dataops_cli.release import release_of

    found = known_event(name)
    if found not in NEXT_STEPS:
        raise UsageError(f"{name} is no event of Airflow's", hint=f"Those are: {', '.join(NEXT_STEPS)}")
    environment = app.environment
    facts = facts_of_run(
        environment, found, dag=dag, run=run, reason=reason, release=release_of(app.project.root) or ""
    )
    if not tell(environment, app.console, found, facts):
        raise typer.Exit(ExitCode.FAILED)
