"""What can go wrong with a call, told from HTTP's status and from the faults of the connection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dataops_cli.airflow.place import PASSWORD, Place
from dataops_cli.errors import DataopsError, ExitCode

DETAIL_LENGTH = 500


class Fault(DataopsError):
    """A call that Airflow did not do, or did not answer."""


class Away(Fault):
    """Airflow cannot be reached, or cannot answer now: it may later.

    `untouched` says that the call was surely not done; `retry_after` are the seconds it asked to wait.
    """

    def __init__(self, reason: str, *, hint: str, untouched: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(reason, hint=hint, exit_code=ExitCode.UNAVAILABLE)
        self.untouched = untouched
        self.retry_after = retry_after


class Missing(Fault):
    """There is no such thing."""


class Conflict(Fault):
    """It is there already."""


class NotAirflow(Fault):
    """Something else answers."""


def not_airflow(place: Place, answer: str) -> NotAirflow:
    return NotAirflow(
        f"What answers at {place.url} is not Airflow 3: {answer}",
        hint="Check airflow.url; where it came from: dataops config explain airflow.url",
        exit_code=ExitCode.UNAVAILABLE,
    )


def airflow_2(place: Place) -> Fault:
    return Fault(
        f"The Airflow at {place.url} is a version 2: it has no /api/v2",
        hint="dataops works with Airflow 3.3; name that one with airflow.url",
        exit_code=ExitCode.UNAVAILABLE,
    )


def wrong_password(place: Place) -> Fault:
    return Fault(
        f"The Airflow at {place.url} does not accept user {place.user} with the password it was given",
        hint=f"If the stack is yours, `dataops up` gives Airflow the password of the secrets; "
        f"else set the right one: dataops secrets set {PASSWORD}",
        exit_code=ExitCode.UNAVAILABLE,
    )


def unreachable(place: Place, why: str, *, untouched: bool) -> Away:
    return Away(
        f"No Airflow answers at {place.url}: {why}",
        hint="Is it up? dataops ps · Bring it up: dataops up · Elsewhere: set airflow.url",
        untouched=untouched,
    )


def tls(place: Place, why: str) -> Fault:
    """A connection that could not be made private."""
    if "WRONG_VERSION_NUMBER" in why or "RECORD_LAYER_FAILURE" in why:
        return Fault(
            f"What listens at {place.url} does not speak TLS",
            hint=f"Set airflow.url to {place.url.replace('https://', 'http://', 1)}, if the network is private.",
            exit_code=ExitCode.UNAVAILABLE,
        )
    return Fault(
        f"The certificate of {place.url} was not accepted: {why}",
        hint="For an authority of your own, name its certificates in the variable SSL_CERT_FILE; "
        "the host in airflow.url must be one that the certificate names.",
        exit_code=ExitCode.UNAVAILABLE,
    )


def refused(place: Place, status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """The fault that a status other than success means."""
    detail = detail_of(body)
    if status == 429 or status >= 500:
        return Away(
            f"Airflow at {place.url} answers {status}{f': {detail}' if detail else ''}",
            hint="Try again in a moment; what ails it: dataops airflow health · dataops logs airflow-webserver",
            untouched=status == 429,
            retry_after=_seconds(headers.get("Retry-After")),
        )
    if 300 <= status < 400:
        return not_airflow(place, f"it sends on to {headers.get('Location') or 'another address'}")
    if status == 403:
        return Fault(
            f"Airflow does not allow this to user {place.user}: {detail or 'forbidden'}",
            hint="Sign in as one with a role that may: airflow.user; roles: dataops airflow users",
            exit_code=ExitCode.USAGE,
        )
    if status == 404 and detail:
        return Missing(detail, hint="What there is: dataops airflow dags", exit_code=ExitCode.USAGE)
    if status in (404, 405):
        return not_airflow(place, f"it has no /api/v2 ({status})")
    if status == 409:
        return Conflict(
            detail or "It is there already",
            hint="What there is: dataops airflow runs",
            exit_code=ExitCode.USAGE,
        )
    return Fault(
        f"Airflow refuses the call ({status}): {detail or 'it does not say why'}",
        hint="Mend what it names, then run the command again.",
        exit_code=ExitCode.USAGE,
    )


def detail_of(body: bytes) -> str:
    """What an error answer of Airflow's says, on one line; empty for what is none of Airflow's."""
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    detail = document.get("detail") if isinstance(document, dict) else None
    if isinstance(detail, list):  # FastAPI's validation
        detail = "; ".join(_validation(item) for item in detail)
    if isinstance(detail, dict):
        detail = detail.get("message") or detail.get("reason")
    # Of a value that does not fit a schema, the schema and the value follow, on many lines.
    text = str(detail or "").partition("\n\nFailed validating")[0]
    return " ".join(text.split())[:DETAIL_LENGTH]


def _validation(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    where = ".".join(str(part) for part in item.get("loc", ()) if part != "body")
    return f"{where}: {item.get('msg')}" if where else str(item.get("msg"))


def _seconds(retry_after: str | None) -> float:
    try:
        return max(0.0, float(retry_after or 0))
    except ValueError:  # a date: our own pauses do
        return 0.0
