"""Sending through Apprise: every address side by side, and nobody waits longer than the deadline."""

from __future__ import annotations

import logging
import re
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataops_cli.notifications.addresses import Address
from dataops_cli.notifications.events import Message
from dataops_cli.threads import in_thread

if TYPE_CHECKING:
    from apprise import AppriseResult

# Seconds that all addresses together may take.
DEADLINE = 10.0
# What our threads are called by.
THREAD = "notify"
# What Apprise writes where a service answers with an error.
_ANSWER = re.compile(r"\berror=(\d{3})\b")
# Apprise has one word for all that a mail server does before it takes a mail.
MAIL = (
    "the mail server cannot be reached, refuses the password, or has a certificate that is not trusted here"
)


@dataclass(frozen=True)
class Delivery:
    """What came of one address. `fault` is empty where the service has accepted the message."""

    address: Address
    fault: str = ""


def send(to: Sequence[Address], message: Message, deadline: float = DEADLINE) -> list[Delivery]:
    """Send a message to each address. Never raises for one that cannot be reached; one that is late is left to itself,
    and the program's end does not wait for it."""
    if not to:
        return []
    _silence()
    begun = time.monotonic()
    calls = [in_thread(lambda item=item: _send(item, message), f"{THREAD} {item.number}") for item in to]  # type: ignore[misc]
    return [
        Delivery(item, _fault(call, begun + deadline, deadline)) for item, call in zip(to, calls, strict=True)
    ]


def _silence() -> None:
    """No log, and no terminal, gets what Apprise and its HTTP library say of a call: it has the URL or its host in it."""
    logging.getLogger("apprise").propagate = False
    logging.getLogger("urllib3.connectionpool").addFilter(_is_another_s)
    warnings.filterwarnings("ignore", module=r"(apprise|requests|urllib3)\b")


def _is_another_s(record: logging.LogRecord) -> bool:
    return not (record.threadName or "").startswith(THREAD)


def _fault(call: Future[str], until: float, deadline: float) -> str:
    try:
        return call.result(max(0.0, until - time.monotonic()))
    except TimeoutError:
        return f"no answer within {deadline:g} s"
    except Exception as error:  # its text may have the URL in it
        return f"unexpected {type(error).__name__}"


def _send(address: Address, message: Message) -> str:
    """What was wrong, or nothing."""
    from apprise import Apprise, AppriseAsset, NotifyFormat, PersistentStoreMode

    # Without a limit of its own Apprise calls the service in this thread; in its pool's, the program's end would wait.
    asset = AppriseAsset(app_id="dataops", service_timeout=0, storage_mode=PersistentStoreMode.MEMORY)
    service = Apprise(asset=asset)
    if not service.add(address.url):
        return f"Apprise knows no such service, or its URL lacks something: {address.service}"
    result = service.notify(
        title=message.title, body=message.body, notify_type=message.kind, body_format=NotifyFormat.TEXT
    )
    return "" if result else _reason(result)


def _reason(result: AppriseResult) -> str:
    """Why it was not accepted, without Apprise's own words, which may have a part of the URL in them."""
    lines = [str(entry.message) for service in result for attempt in service for entry in attempt]
    for line in lines:
        if answer := _ANSWER.search(line):
            return f"it answered with error {answer[1]}"
        if "Connection error while submitting email" in line:
            return MAIL
        if "onnection error" in line:
            return "it cannot be reached, or did not answer"
    return "it was not accepted"
