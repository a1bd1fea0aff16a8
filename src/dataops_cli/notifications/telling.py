"""Telling an event to whom the settings name. It fails no command, and holds none up for longer than the deadline."""

from __future__ import annotations

from dataclasses import replace

from dataops_cli.console import Console
from dataops_cli.errors import UsageError
from dataops_cli.notifications.addresses import (
    SECRET,
    addresses,
    chosen,
    is_configured,
    tags_of,
    unknown_tags,
)
from dataops_cli.notifications.events import Event, Facts, message
from dataops_cli.settings.load import Environment

MEND = f"Mend it there, or give a URL the tag: dataops secrets set {SECRET}"
GIVE = f"Take it from who has it: dataops secrets set {SECRET}"
TRY = "See which arrive: dataops notify test"


def tell(environment: Environment, console: Console, event: Event, facts: Facts) -> bool:
    """Tell an event. What goes wrong is a warning. False where nobody has got it who should have."""
    if not is_configured(environment):
        if environment.history.get(f"notifications.{event}") and tags_of(environment, event):
            console.warn(f"The notification {event} was not sent: {SECRET} is not set here", GIVE)
        return True
    try:
        return _tell(environment, console, event, facts)
    except (
        Exception
    ) as error:  # a fault of ours must not fail the command either; its text may have a URL in it
        console.warn(f"The notification {event} was not sent: unexpected {type(error).__name__}", TRY)
        return False


def _tell(environment: Environment, console: Console, event: Event, facts: Facts) -> bool:
    from dataops_cli.notifications.sending import send

    try:
        all_of_them = addresses(environment)
    except UsageError as error:
        console.warn(f"The notification {event} was not sent: {error.reason}", error.hint)
        return False
    unknown = unknown_tags(environment, event, all_of_them)
    for fault in unknown:
        console.warn(f"The notification {event} does not go where it should: {fault}", MEND)
    to = chosen(all_of_them, tags_of(environment, event))
    advised = replace(facts, next_step=console.advised(facts.next_step))
    deliveries = send(to, message(event, advised))
    for delivery in deliveries:
        if delivery.fault:
            console.warn(
                f"The notification {event} did not arrive at {delivery.address.shown}: {delivery.fault}", TRY
            )
    return any(not delivery.fault for delivery in deliveries) if deliveries else not unknown
