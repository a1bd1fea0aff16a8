"""Where notifications go: the URLs of a secret, each with the tags by which the settings name it.

    ops=slack://… team,managers=mailto://…

The form is that of Apprise's text configuration. A URL is a secret as a whole: what Apprise shows of one with
`privacy=True` still has the path of a web hook in it, and the headers. So an address is shown by its service and tags.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from dataops_cli.errors import UsageError
from dataops_cli.notifications.events import Event
from dataops_cli.settings.load import Environment

SECRET = "secrets.notification_urls"  # noqa: S105 (a setting's name)
# The tag of every address.
ALL = "all"
_ENTRY = re.compile(
    r"(?:(?P<tags>[A-Za-z0-9_-]+(?:,[A-Za-z0-9_-]+)*)=)?(?P<url>(?P<service>[A-Za-z0-9]+)://\S+)"
)


@dataclass(frozen=True)
class Address:
    """One URL. `number` is its place in the secret, from 1, and `service` its kind, such as `slack`."""

    number: int
    service: str
    tags: tuple[str, ...]
    url: str = field(repr=False)

    @property
    def shown(self) -> str:
        """As it may be printed."""
        return f"{self.service} ({', '.join(self.tags) or 'no tag'})"


def is_configured(environment: Environment) -> bool:
    secret = environment.settings.secrets.notification_urls
    return secret is not None and bool(secret.get_secret_value().strip())


def parsed(text: str) -> list[Address]:
    """The addresses in a secret's text. Raises UsageError for a part of it that is none, by its number."""
    found = []
    for number, entry in enumerate(text.split(), start=1):
        part = _ENTRY.fullmatch(entry)
        if part is None:
            raise UsageError(
                f"Part {number} of {SECRET} is no TAG=URL",
                hint="Write it as ops=slack://…, several divided by blanks. Services and their URLs: "
                "https://appriseit.com/services/",
            )
        tags = tuple(part["tags"].split(",")) if part["tags"] else ()
        found.append(Address(number, part["service"].lower(), tags, part["url"]))
    return found


def addresses(environment: Environment) -> list[Address]:
    """All of them. Raises UsageError as `parsed` does."""
    secret = environment.settings.secrets.notification_urls
    return parsed(secret.get_secret_value()) if secret else []


def tags_of(environment: Environment, event: Event) -> list[str]:
    """The tags that the settings send an event to."""
    tags: list[str] = getattr(environment.settings.notifications, event)
    return tags


def chosen(all_of_them: Sequence[Address], tags: Collection[str]) -> list[Address]:
    """The addresses that have one of the tags."""
    return [item for item in all_of_them if ALL in tags or {*item.tags} & {*tags}]


def faults(environment: Environment) -> list[str]:
    """What is wrong with the section `notifications` and the secret, one by one, each with its place."""
    if not is_configured(environment):
        return []
    try:
        all_of_them = addresses(environment)
    except UsageError as error:
        return [f"{environment.origin(SECRET)}: {error.reason}"]
    return [fault for event in Event for fault in unknown_tags(environment, event, all_of_them)]


def unknown_tags(environment: Environment, event: Event, all_of_them: Sequence[Address]) -> list[str]:
    """The tags that an event goes to and no URL has, each as a fault with its place."""
    key = f"notifications.{event}"
    known = {tag for item in all_of_them for tag in item.tags}
    return [
        f"{environment.origin(key)}: {key}: no URL has the tag {tag}{_meant(tag, known)}"
        for tag in tags_of(environment, event)
        if tag not in {*known, ALL}
    ]


def require_tag(tag: str, all_of_them: Sequence[Address]) -> None:
    """Raises UsageError where no URL has it."""
    known = {name for item in all_of_them for name in item.tags}
    if tag not in {*known, ALL}:
        raise UsageError(
            f"No URL of {SECRET} has the tag {tag}{_meant(tag, known)}",
            hint=f"Set the URLs anew, each with its tags: dataops secrets set {SECRET}",
        )


def _meant(tag: str, known: Collection[str]) -> str:
    near = get_close_matches(tag, known, n=1)
    return f" (did you mean {near[0]}?)" if near else f" (there are: {', '.join(sorted(known)) or 'none'})"
