"""Whom a test of the notifications goes to."""

from __future__ import annotations

from dataops_cli.errors import UsageError
from dataops_cli.notifications.addresses import (
    SECRET,
    Address,
    addresses,
    chosen,
    is_configured,
    require_tag,
    tags_of,
)
from dataops_cli.notifications.events import Event
from dataops_cli.settings.layers import nearest
from dataops_cli.settings.load import Environment


def known_event(name: str) -> Event:
    """Raises UsageError for none."""
    names = [event.value for event in Event]
    if name in names:
        return Event(name)
    meant = nearest(name, names)
    raise UsageError(
        f"There is no event {name}", hint=f"Did you mean {meant}?" if meant else f"Events: {', '.join(names)}"
    )


def recipients(environment: Environment, event: Event | None, tag: str | None) -> list[Address]:
    """The addresses that an event goes to, or all; of them those with the tag, where one is given.

    Raises UsageError where there is none, saying what to do.
    """
    if not is_configured(environment):
        raise UsageError(
            f"{environment.name} has no URL for notifications",
            hint=f"Give one or more, such as ops=slack://…: dataops secrets set {SECRET}",
        )
    all_of_them = found = addresses(environment)
    if event is not None:
        tags = tags_of(environment, event)
        for name in tags:
            require_tag(name, all_of_them)
        found = chosen(found, tags)
        if not found:
            raise UsageError(
                f"{event} goes nowhere in {environment.name}: notifications.{event} is empty",
                hint=f'Name tags in environments/{environment.name}.toml, under [notifications]: {event} = ["all"]',
            )
    if tag is not None:
        require_tag(tag, all_of_them)
        found = chosen(found, [tag])
    if event is not None and not found:
        goes_to = ", ".join(tags_of(environment, event))
        raise UsageError(
            f"{event} does not go to {tag} in {environment.name}",
            hint=f"It goes to {goes_to}. Leave out --tag, or name it in notifications.{event}.",
        )
    return found
